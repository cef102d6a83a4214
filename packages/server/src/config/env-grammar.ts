/**
 * The substitution grammar of both upstream generations, applied to one text.
 *
 *     ${env.NAME}          the variable; an unset or empty one is an error
 *     ${env.NAME:=text}    the variable, or `text` when it is unset or empty
 *     ${env.NAME:+text}    `text` when the variable is set and not empty, else nothing
 *
 * `text` ends at the first `}`, so expressions do not nest. What does not match stays as it is written. A `~` at the
 * start of a substituted value becomes the home directory. A text that substitution changed is then given the type that
 * it looks like, by the rules of Python's `int()` and `float()`.
 */

/** What an expression does with its variable. */
export type EnvOperator = 'required' | 'default' | 'alternative'

/** One `${env.…}` of a text. */
export interface EnvExpression {
  /** As it is written. */
  readonly text: string
  readonly variable: string
  readonly operator: EnvOperator
  /** What follows the operator. */
  readonly operand: string
}

/** The part of the world that substitution depends on. */
export interface EnvWorld {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The directory that `~` stands for. */
  readonly home: string
}

/** A text after substitution, before its conversion. */
export interface SubstitutedText {
  readonly text: string
  /** The expressions that name a variable which is required and not set. */
  readonly missing: readonly EnvExpression[]
}

/** What a substituted text may turn into. */
export type ConvertedText = null | boolean | number | string

const EXPRESSION = /\$\{env\.([A-Z0-9_]+)(?::([=+])([^}]*))?\}/g

/** Finds the expressions of a text in their order. */
export function findEnvExpressions(text: string): readonly EnvExpression[] {
  return Array.from(text.matchAll(EXPRESSION), toExpression)
}

/** Replaces every expression of a text. A required variable that is missing leaves its expression in place. */
export function substituteText(text: string, world: EnvWorld): SubstitutedText {
  const missing: EnvExpression[] = []
  const substituted = text.replace(EXPRESSION, (...match: string[]) => {
    const expression = toExpression(match)
    const value = evaluate(expression, world)
    if (value === undefined) {
      missing.push(expression)
      return expression.text
    }
    return expandHome(value, world.home)
  })
  return { text: substituted, missing }
}

/** Gives a substituted text the type that it looks like. An empty text is null. */
export function convertText(text: string): ConvertedText {
  if (text === '') return null
  const lower = text.toLowerCase()
  if (lower === 'true') return true
  if (lower === 'false') return false
  return parsePythonInteger(text) ?? parsePythonFloat(text) ?? text
}

/** Replaces a leading `~` by the home directory. `~user` stays as it is. */
export function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? home + path.slice(1) : path
}

function toExpression(match: ArrayLike<string | undefined>): EnvExpression {
  const operator = match[2] === '=' ? 'default' : match[2] === '+' ? 'alternative' : 'required'
  return { text: match[0] ?? '', variable: match[1] ?? '', operator, operand: match[3] ?? '' }
}

function evaluate({ variable, operator, operand }: EnvExpression, { env }: EnvWorld): string | undefined {
  const value = env[variable] ?? ''
  if (operator === 'alternative') return value === '' ? '' : operand
  if (value !== '') return value
  return operator === 'default' ? operand : undefined
}

const INTEGER = /^[+-]?\d+(?:_\d+)*$/

/** An integer that a number cannot hold exactly stays a text: a rounded project number or account id is worse. */
function parsePythonInteger(text: string): number | string | undefined {
  const digits = text.trim()
  if (!INTEGER.test(digits)) return undefined
  const value = Number(digits.replaceAll('_', ''))
  return Number.isSafeInteger(value) ? value : text
}

const FLOAT = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i
const INFINITY_OR_NAN = /^([+-]?)(inf|infinity|nan)$/i

function parsePythonFloat(text: string): number | undefined {
  const digits = text.trim()
  if (FLOAT.test(digits)) return Number(digits.replaceAll('_', ''))
  const special = INFINITY_OR_NAN.exec(digits)
  if (special === null) return undefined
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN
  return special[1] === '-' ? -Infinity : Infinity
}
