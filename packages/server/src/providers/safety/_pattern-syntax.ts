/**
 * Regular expressions that cost the same for every character of a text: JavaScript's notation without back-references and
 * look-around, which are what lets a pattern take exponential time.
 *
 * Node's own engine goes back and forth in a text, so it can neither promise a bound nor continue where a piece of a stream
 * ended. It is asked for the syntax and for what a single character matches; the rest is done in one pass (`_text-scan.ts`).
 */
import { StackError } from '@llama-stack/api'

/** Whether a UTF-16 unit matches. */
export type UnitTest = (unit: number) => boolean

/** What has to hold between two units. `boundary`: a word begins or ends here. */
export type Assertion = 'start' | 'end' | 'boundary' | 'inside'

/** A parsed pattern. */
export type PatternNode =
  | { readonly kind: 'unit'; readonly matches: UnitTest }
  | { readonly kind: 'assertion'; readonly holds: Assertion }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly min: number; readonly max: number }

/** A pattern as it is written. */
export interface PatternSource {
  readonly source: string
  readonly ignoreCase: boolean
}

/** What single characters match, for patterns that are compiled together. */
export type UnitTests = Map<string, UnitTest>

/**
 * Parses a pattern. Throws `invalid_value` where it is no regular expression, or one of those that are refused. Patterns
 * that are given the same `tests` share them.
 */
export function parsePattern({ source, ignoreCase }: PatternSource, tests: UnitTests = new Map()): PatternNode {
  try {
    void new RegExp(source, 'u')
  } catch (error) {
    throw refused(source, error instanceof Error ? error.message : 'it is no regular expression')
  }
  return new PatternParser(source, ignoreCase ? 'iu' : 'u', tests).parse()
}

/** A pattern of exactly this text. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
}

function refused(source: string, problem: string): StackError<'invalid_value'> {
  return new StackError('invalid_value', {
    param: 'pattern',
    problem,
    value: source,
    fix: 'Use characters, classes, groups, alternatives, repetitions, ^, $ and \\b.',
  })
}

const CLASS = /\[(?:\\.|[^\]\\])*\]/uy
const ESCAPE = /\\(?:[pP]\{[^}]*\}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|.)/uy
const REPETITION = /(?:([*+?])|\{(\d+)(,(\d*))?\})\??/uy
const GROUP = /\((?:\?:|\?<[^=!>][^>]*>)?/uy
const SPECIAL_GROUP = /\(\?(?!:|<[^=!])/uy
const BEYOND_ONE_UNIT = /[\u{10000}-\u{10FFFF}]|\\u\{0*(?:10|[1-9a-f])[0-9a-f]{4}\}/iu

/** The notation has been checked by Node when this reads it. */
class PatternParser {
  readonly #source: string
  readonly #flags: string
  readonly #tests: UnitTests
  #at = 0

  constructor(source: string, flags: string, tests: UnitTests) {
    this.#source = source
    this.#flags = flags
    this.#tests = tests
  }

  parse(): PatternNode {
    const nodes = [this.#sequence()]
    while (this.#source[this.#at] === '|') {
      this.#at += 1
      nodes.push(this.#sequence())
    }
    const [only] = nodes
    return nodes.length === 1 && only !== undefined ? only : { kind: 'choice', nodes }
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] ?? '')) {
      nodes.push(this.#repeated(this.#atom()))
    }
    return { kind: 'sequence', nodes }
  }

  #repeated(node: PatternNode): PatternNode {
    const found = this.#take(REPETITION)
    if (found === undefined) return node
    const [, sign, low = '1', comma, high = ''] = found
    if (sign !== undefined) return { kind: 'repeat', node, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity }
    const min = Number(low)
    return { kind: 'repeat', node, min, max: comma === undefined ? min : high === '' ? Infinity : Number(high) }
  }

  #atom(): PatternNode {
    if (this.#take(SPECIAL_GROUP) !== undefined) throw refused(this.#source, 'it looks around or changes flags')
    if (this.#take(GROUP) !== undefined) {
      const node = this.parse()
      this.#at += 1
      return node
    }
    const assertion = this.#assertion()
    if (assertion !== undefined) return { kind: 'assertion', holds: assertion }
    const single = (this.#take(CLASS) ?? this.#take(ESCAPE))?.[0]
    if (single === undefined) return this.#character()
    if (/^\\[1-9k]/.test(single)) throw refused(this.#source, 'it refers back to what it matched')
    if (BEYOND_ONE_UNIT.test(single)) {
      throw refused(
        this.#source,
        `'${single}' holds a character of two UTF-16 units; write alternatives, as in (?:😀|😁)`,
      )
    }
    return this.#unit(single)
  }

  #assertion(): Assertion | undefined {
    const rest = this.#source.slice(this.#at, this.#at + 2)
    const holds = rest === '\\b' ? 'boundary' : rest === '\\B' ? 'inside' : undefined
    if (holds !== undefined) {
      this.#at += 2
      return holds
    }
    const anchor = rest.startsWith('^') ? 'start' : rest.startsWith('$') ? 'end' : undefined
    if (anchor !== undefined) this.#at += 1
    return anchor
  }

  /** The next character as it is written; one of two units becomes two nodes, so that a repetition repeats both. */
  #character(): PatternNode {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0)
    this.#at += character.length
    const nodes =
      character === '.' ? [this.#unit('.')] : character.split('').map((unit) => this.#unit(unitSource(unit)))
    return { kind: 'sequence', nodes }
  }

  #unit(source: string): PatternNode {
    const key = `${this.#flags} ${source}`
    let matches = this.#tests.get(key)
    if (matches === undefined) {
      matches = toUnitTest(new RegExp(`^${source}$`, this.#flags))
      this.#tests.set(key, matches)
    }
    return { kind: 'unit', matches }
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)
    if (found === null) return undefined
    this.#at += found[0].length
    return found
  }
}

function unitSource(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

const ASCII = 128

/** Most text is ASCII: what matches there is asked once. */
function toUnitTest(pattern: RegExp): UnitTest {
  const test = (unit: number): boolean => pattern.test(String.fromCharCode(unit))
  const asked = new Int8Array(ASCII)
  return (unit) => {
    if (unit >= ASCII) return test(unit)
    if (asked[unit] === 0) asked[unit] = test(unit) ? 1 : -1
    return asked[unit] === 1
  }
}

/** Letters of scripts that put no spaces between words make no word boundaries. */
const WORD = /^[\p{L}\p{N}\p{M}_]$/u
const UNSPACED = /^[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]$/u
const isWordBeyondAscii = (unit: number): boolean => {
  const character = String.fromCharCode(unit)
  return WORD.test(character) && !UNSPACED.test(character)
}
const asciiWord = Object.freeze(Array.from({ length: ASCII }, (_, unit) => WORD.test(String.fromCharCode(unit))))

/** Whether a unit belongs to a word, in any script that separates its words. */
export const isWordUnit: UnitTest = (unit) => (unit < ASCII ? asciiWord[unit] === true : isWordBeyondAscii(unit))
