/**
 * Writes a text that a regular expression matches. The pattern comes from a caller, so it is read and never run: a hostile
 * one could hold up the process. Look-arounds, back-references and Unicode classes are passed over.
 */
import type { Random } from './_demo-random.ts'

const MAX_REPEATS = 256
const MAX_LENGTH = 10_000
const DIGITS = '0123456789'
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
const WORD = `${LETTERS}${LETTERS.toUpperCase()}${DIGITS}_`
/** What a class or a dot may stand for, the plainest first. */
const ALPHABET = `${WORD} -.,:;!?'"/\\@#$%&*()+=<>[]{}|^~`

/** Returns a text that the pattern matches, where the pattern keeps to what regular expressions usually hold. */
export function samplePattern(pattern: string, random: Random, minLength = 0): string {
  let text = ''
  // Patterns with `+` or `*` can be made longer by repeating more.
  for (let extra = 0; extra <= MAX_REPEATS; extra = extra * 2 + 1) {
    text = new PatternReader(pattern, random, extra).alternatives()
    if (text.length >= minLength) break
  }
  return text.slice(0, MAX_LENGTH)
}

class PatternReader {
  readonly #pattern: string
  readonly #random: Random
  readonly #extra: number
  #at = 0
  #written = 0

  constructor(pattern: string, random: Random, extra: number) {
    this.#pattern = pattern
    this.#random = random
    this.#extra = extra
  }

  /** The first alternative up to the end or a closing bracket; the others are read and dropped. */
  alternatives(): string {
    const first = this.#sequence()
    while (this.#next() === '|') {
      this.#at += 1
      this.#sequence()
    }
    return first
  }

  #next(): string {
    return this.#pattern.charAt(this.#at)
  }

  #sequence(): string {
    let text = ''
    while (this.#at < this.#pattern.length && this.#next() !== '|' && this.#next() !== ')') {
      const begin = this.#at
      const piece = this.#atom()
      const end = this.#at
      const count = this.#quantifier()
      text += this.#repeat(piece, count, { begin, end })
    }
    return text
  }

  /** Reads the atom again for each repetition, so that `[a-z]{3}` does not become `aaa`. */
  #repeat(first: string, count: number, { begin, end }: { begin: number; end: number }): string {
    if (count === 0) return ''
    const after = this.#at
    let text = first
    for (let index = 1; index < count && this.#written < MAX_LENGTH; index += 1) {
      this.#at = begin
      const piece = this.#atom()
      this.#written += piece.length + 1
      text += piece
      if (this.#at !== end) break
    }
    this.#at = after
    return text
  }

  #atom(): string {
    const character = this.#next()
    this.#at += 1
    switch (character) {
      case '^':
      case '$':
        return ''
      case '.':
        return this.#pickFrom(LETTERS)
      case '(':
        return this.#group()
      case '[':
        return this.#class()
      case '\\':
        return this.#pickFrom(this.#escaped())
      default:
        return character
    }
  }

  #group(): string {
    const opening = /^\?(?:[:=!]|<[=!]|<[^>]*>)/.exec(this.#pattern.slice(this.#at, this.#at + 80))?.[0] ?? ''
    this.#at += opening.length
    const text = this.alternatives()
    this.#at += 1
    return /^\?<?[=!]$/.test(opening) ? '' : text
  }

  /** The characters that an escape stands for; none for an assertion. */
  #escaped(): string {
    const character = this.#next()
    this.#at += 1
    switch (character) {
      case 'd':
        return DIGITS
      case 'D':
        return LETTERS
      case 'w':
        return WORD
      case 'W':
      case 's':
        return ' '
      case 'S':
        return LETTERS
      case 'b':
      case 'B':
        return ''
      case 'n':
        return '\n'
      case 't':
        return '\t'
      case 'u':
      case 'x':
        return this.#codePoint(character === 'u' ? 4 : 2)
      default:
        return character
    }
  }

  #codePoint(length: number): string {
    const digits = this.#pattern.slice(this.#at, this.#at + length)
    this.#at += length
    const code = Number.parseInt(digits, 16)
    return Number.isNaN(code) ? '' : String.fromCharCode(code)
  }

  #class(): string {
    const negated = this.#next() === '^'
    if (negated) this.#at += 1
    let members = ''
    while (this.#at < this.#pattern.length && this.#next() !== ']') {
      const from = this.#classMember()
      if (this.#next() !== '-' || this.#pattern.charAt(this.#at + 1) === ']' || from.length !== 1) {
        members += from
        continue
      }
      this.#at += 1
      members += rangeOf(from, this.#classMember())
    }
    this.#at += 1
    if (!negated) return this.#pickFrom(members)
    return this.#pickFrom(
      Array.from(ALPHABET)
        .filter((character) => !members.includes(character))
        .join(''),
    )
  }

  #classMember(): string {
    const character = this.#next()
    this.#at += 1
    return character === '\\' ? this.#escaped() : character
  }

  #pickFrom(characters: string): string {
    return characters.charAt(Math.floor(this.#random() * characters.length))
  }

  #quantifier(): number {
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#pattern.slice(this.#at, this.#at + 24))
    if (found === null) return 1
    this.#at += found[0].length
    const [sign] = found[0]
    if (sign === '?') return 1
    if (sign === '*' || sign === '+') return Math.min(MAX_REPEATS, (sign === '+' ? 1 : 0) + this.#extra)
    const least = Number(found[1])
    const most = found[2] === '' ? least : found[3] === '' ? Infinity : Number(found[3])
    return Math.min(MAX_REPEATS, most, least + this.#extra)
  }
}

function rangeOf(from: string, to: string): string {
  const first = from.charCodeAt(0)
  const last = Math.min(to.charCodeAt(0), first + 255)
  let members = ''
  for (let code = first; code <= last; code += 1) members += String.fromCharCode(code)
  return members
}
