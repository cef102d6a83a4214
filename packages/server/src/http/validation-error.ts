/** Turns what zod found into the one error that a client can act on: the field, its value, and the fix. */
import type * as z from 'zod'
import { StackError } from '@llama-stack/api'
import { isSecretKey } from '../kernel/secrets.ts'
import { findSchema } from './schema-walk.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** What is wrong with one field, without its value. */
interface Finding {
  readonly path: Path
  readonly problem: string
  readonly fix: string
  /** What belongs there, as a noun: "a string", "one of 'asc', 'desc'". */
  readonly expected: string
}

/** The error for the first issue; `request` is what was validated against `schema`. */
export function toValidationError(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  request: unknown,
): StackError<'invalid_value' | 'missing_field'> {
  const found = toFinding(issues, schema)
  const param = toParam(found.path)
  const value = valueAt(request, found.path)
  if (value === undefined && found.path.length > 0) {
    return new StackError('missing_field', { param, expected: found.expected })
  }
  const shown = showValue(found.path.at(-1), value)
  const details = { param, problem: found.problem, fix: found.fix }
  return new StackError('invalid_value', shown === undefined ? details : { ...details, value: shown })
}

/** OpenAI's notation: `messages[0].role`; `body` for the body itself. */
function toParam(path: Path): string {
  let param = ''
  for (const key of path) {
    if (typeof key === 'number') param += `[${key}]`
    else param += param === '' ? String(key) : `.${String(key)}`
  }
  return param === '' ? 'body' : param
}

function toFinding(issues: readonly Issue[], schema: z.core.$ZodType): Finding {
  const [issue] = issues
  if (issue === undefined) return { path: [], problem: 'not valid', fix: 'Correct it.', expected: 'another value' }
  if (issue.code !== 'invalid_union') return describe(issue, schema)
  return 'options' in issue && issue.options !== undefined
    ? fromChoices(issue.path, issue.options)
    : fromUnion(issue, schema)
}

/** The branch that the value's own type chose tells the most; when none did, every branch's expectation is named. */
function fromUnion(issue: z.core.$ZodIssueInvalidUnion, schema: z.core.$ZodType): Finding {
  const entered = issue.errors.find((branch) => branch.every((inner) => inner.path.length > 0 || !isTypeIssue(inner)))
  if (entered !== undefined) {
    const inner = toFinding(entered, schema)
    return { ...inner, path: [...issue.path, ...inner.path] }
  }
  const expected = [...new Set(issue.errors.map((branch) => toFinding(branch, schema).expected))].join(' or ')
  return { path: issue.path, problem: `expected ${expected}`, fix: `Send ${expected}.`, expected }
}

const isTypeIssue = (issue: Issue): boolean => issue.code === 'invalid_type' || issue.code === 'invalid_value'

/** A longer list is not worth reading twice. */
const MAX_REPEATED_CHOICES = 8

function fromChoices(path: Path, given: readonly unknown[]): Finding {
  // A discriminator that may be absent lists undefined too, which nobody can send.
  const values: readonly unknown[] = given.filter((value) => value !== undefined)
  const list = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value))).join(', ')
  const expected = values.length === 1 ? list : `one of ${list}`
  const fix =
    values.length > MAX_REPEATED_CHOICES ? 'Use one of these.' : `Use ${values.length === 1 ? '' : 'one of: '}${list}.`
  return { path, problem: `expected ${expected}`, fix, expected }
}

function describe(issue: Exclude<Issue, z.core.$ZodIssueInvalidUnion>, schema: z.core.$ZodType): Finding {
  const { path } = issue
  if (issue.code === 'invalid_type') {
    const expected = TYPE_NAMES[issue.expected] ?? issue.expected
    return { path, problem: `expected ${expected}`, fix: `Send ${expected}.`, expected }
  }
  if (issue.code === 'invalid_value') return fromChoices(path, issue.values)
  if (issue.code === 'too_small' || issue.code === 'too_big') return outOfRange(issue, schema)
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return { path: [...path, key], problem: 'no such field', fix: 'Leave it out.', expected: 'nothing' }
  }
  if (issue.code === 'not_multiple_of') {
    return plain(path, `expected a multiple of ${issue.divisor}`, `a multiple of ${issue.divisor}`)
  }
  if (issue.code === 'invalid_format') {
    const form = issue.pattern === undefined ? `a valid ${issue.format}` : `text that matches ${issue.pattern}`
    return plain(path, `not a valid ${issue.format}`, form)
  }
  return plain(path, lowerFirst(issue.message), 'a valid value')
}

const plain = (path: Path, problem: string, expected: string): Finding => ({
  path,
  problem,
  fix: `Use ${expected}.`,
  expected,
})

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

const TYPE_NAMES: Readonly<Record<string, string>> = Object.freeze({
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  bigint: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
})

function outOfRange(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, schema: z.core.$ZodType): Finding {
  const { path } = issue
  const [bound, word] = issue.code === 'too_small' ? [issue.minimum, 'at least'] : [issue.maximum, 'at most']
  const limit = `${issue.inclusive === false ? (issue.code === 'too_small' ? 'more than' : 'less than') : word} ${bound}`
  if (issue.origin === 'string') return plain(path, `expected ${limit} characters`, `a text of ${limit} characters`)
  if (issue.origin === 'array' || issue.origin === 'set')
    return plain(path, `expected ${limit} items`, `${limit} items`)
  const range = findRange(schema, path)
  const expected = range === undefined ? `a number of ${limit}` : `a number from ${range.from} to ${range.to}`
  return plain(path, `must be ${limit}`, expected)
}

/** Both bounds of a number, since an issue names only the one that was crossed. */
function findRange(schema: z.core.$ZodType, path: Path): { from: number; to: number } | undefined {
  const at = findSchema(schema, path)
  if (at === undefined || !('minValue' in at) || !('maxValue' in at)) return undefined
  const { minValue: from, maxValue: to } = at
  const isBound = (bound: unknown): bound is number =>
    typeof bound === 'number' && Number.isFinite(bound) && Math.abs(bound) < Number.MAX_SAFE_INTEGER
  return isBound(from) && isBound(to) ? { from, to } : undefined
}

function valueAt(request: unknown, path: Path): unknown {
  let value = request
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key] // any object may be read by key
  }
  return value
}

const MAX_SHOWN_LENGTH = 60
const SECRET_VALUE = /^(sk|pk|gsk|xai|hf|nvapi|tgp|key|Bearer)[-_ ]/

/** The value as JSON, cut short; undefined where it may be a secret. */
function showValue(name: PropertyKey | undefined, value: unknown): string | undefined {
  if (typeof name === 'string' && isSecretKey(name)) return undefined
  if (typeof value === 'string' && SECRET_VALUE.test(value)) return undefined
  if (Array.isArray(value) && value.length > 0) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
    return `an object with ${Object.keys(value).slice(0, 5).join(', ')}`.slice(0, MAX_SHOWN_LENGTH)
  }
  const text = JSON.stringify(value)
  if (text === undefined || text.length <= MAX_SHOWN_LENGTH) return text
  return `${text.slice(0, MAX_SHOWN_LENGTH)}…`
}
