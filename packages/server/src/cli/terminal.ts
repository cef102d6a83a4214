/** What a stream can show: colours, width, symbols beyond ASCII. */
import type { Environment, TextSink } from './command.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan'

const ESCAPES: Readonly<Record<Style, readonly [open: number, close: number]>> = Object.freeze({
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  cyan: [36, 39],
})

const SYMBOLS = Object.freeze({
  unicode: { tick: '✓', cross: '✗', warning: '!', off: '·', ellipsis: '…', bar: '█', rest: '░', separator: '·' },
  ascii: { tick: 'ok', cross: 'x', warning: '!', off: '-', ellipsis: '...', bar: '#', rest: '.', separator: '-' },
})

export type Symbols = Readonly<Record<keyof (typeof SYMBOLS)['unicode'], string>>

const DEFAULT_COLUMNS = 80

/** The facts about one stream. */
export interface Terminal {
  /** Someone watches: lines may be redrawn. False in CI and on a dumb terminal. */
  readonly interactive: boolean
  /** Infinite where text goes into a pipe or a file: there nothing has to be left out. */
  readonly columns: number
  readonly symbols: Symbols
  /** The text with colour, or as it is where colour is off. */
  paint(style: Style, text: string): string
}

/** Looks at a stream and the environment: NO_COLOR, FORCE_COLOR, CI, TERM, COLUMNS and the locale. */
export function toTerminal(sink: TextSink, env: Environment): Terminal {
  const colours = hasColours(sink, env)
  return {
    interactive: sink.isTTY && !isSet(env['CI']) && env['TERM'] !== 'dumb',
    columns: sink.columns ?? (Number(env['COLUMNS']) || (sink.isTTY ? DEFAULT_COLUMNS : Infinity)),
    symbols: hasUnicode(env) ? SYMBOLS.unicode : SYMBOLS.ascii,
    paint: (style, text) => {
      if (!colours || text === '') return text
      const [open, close] = ESCAPES[style]
      return `\u001b[${open}m${text}\u001b[${close}m`
    },
  }
}

function hasColours(sink: TextSink, env: Environment): boolean {
  if (isSet(env['NO_COLOR'])) return false
  if (env['FORCE_COLOR'] !== undefined) return !['0', 'false'].includes(env['FORCE_COLOR'])
  return sink.isTTY && env['TERM'] !== 'dumb'
}

/** A locale that names an encoding other than UTF-8 cannot show more than ASCII; an absent one says nothing. */
function hasUnicode(env: Environment): boolean {
  if (env['TERM'] === 'dumb' || env['TERM'] === 'linux') return false
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(isSet)
  return locale === undefined || /utf-?8/i.test(locale)
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== ''
}

// Intl knows no display width: East Asian wide letters and emoji take two columns in every common terminal.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u
// eslint-disable-next-line no-control-regex -- escape sequences begin with a control character.
const ESCAPE_SEQUENCES = /\u001b\[\d+m/g

/** How many columns a text takes; escape sequences take none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of toCharacters(text.replace(ESCAPE_SEQUENCES, ''))) width += WIDE.test(character) ? 2 : 1
  return width
}

/** The text cut to a number of columns, with an ellipsis where something is missing. Takes text without escapes. */
export function cutToWidth(text: string, columns: number, ellipsis: string): string {
  if (displayWidth(text) <= columns) return text
  const room = Math.max(0, columns - displayWidth(ellipsis))
  let kept = ''
  for (const character of toCharacters(text)) {
    if (displayWidth(kept + character) > room) break
    kept += character
  }
  return kept + ellipsis
}

/** What a reader takes for one character. The segmenter costs 25 ms once: text in plain ASCII does without. */
function toCharacters(text: string): Iterable<string> {
  if (/^[\x20-\x7e]*$/.test(text)) return text
  return Array.from(new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text), ({ segment }) => segment)
}

/** A secret as it may be shown: its last four characters, and nothing of one too short to hide the rest. */
export function secretEnding(secret: string, ellipsis: string): string {
  return secret.length < 12 ? `${ellipsis}****` : `${ellipsis}${secret.slice(-4)}`
}
