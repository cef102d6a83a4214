/** Which vocabulary a model reads with, and how it counts pictures: facts that OpenAI published, by the names of its models. */

/** The vocabularies that are shipped. `o200k_harmony` has the words of `o200k_base` and special tokens of its own. */
export type EncodingName = 'cl100k_base' | 'o200k_base' | 'o200k_harmony'

/** How many tokens a picture is. */
export type PictureRule =
  /** `base`, and `tile` for each square of 512 pixels. */
  | { readonly by: 'tiles'; readonly base: number; readonly tile: number }
  /** One for each square of 32 pixels, at most 1536, times a factor. */
  | { readonly by: 'patches'; readonly factor: number }

export interface ModelEncoding {
  readonly encoding: EncodingName
  readonly pictures: PictureRule
  /** Whether counts of it were compared with what its vendor charges for: only then are they no estimate. */
  readonly isChecked: boolean
}

const tiles = (base: number, tile: number): PictureRule => Object.freeze({ by: 'tiles', base, tile })
const patches = (factor: number): PictureRule => Object.freeze({ by: 'patches', factor })

const TILES_OF_GPT4 = tiles(85, 170)

interface Row extends ModelEncoding {
  /** Begins the name, behind which a date or nothing may stand; the first row that matches counts. */
  readonly names: readonly string[]
}

/**
 * Vocabularies: OpenAI's tiktoken, `tiktoken/model.py`. Pictures: developers.openai.com/api/docs/guides/images-vision,
 * "Calculating costs", read 2026-07. Checked: `gpt-4o` against recorded usage (see the tests); the chat models of
 * `cl100k_base` by the rule that OpenAI's cookbook publishes for them.
 */
const rows: readonly Row[] = Object.freeze([
  { names: ['gpt-oss'], encoding: 'o200k_harmony', pictures: TILES_OF_GPT4, isChecked: false },
  { names: ['gpt-4o-mini'], encoding: 'o200k_base', pictures: tiles(2833, 5667), isChecked: true },
  { names: ['gpt-4o', 'chatgpt-4o'], encoding: 'o200k_base', pictures: TILES_OF_GPT4, isChecked: true },
  { names: ['gpt-4.1-mini', 'gpt-5-mini'], encoding: 'o200k_base', pictures: patches(1.62), isChecked: false },
  { names: ['gpt-4.1-nano', 'gpt-5-nano'], encoding: 'o200k_base', pictures: patches(2.46), isChecked: false },
  { names: ['gpt-4.1', 'gpt-4.5'], encoding: 'o200k_base', pictures: TILES_OF_GPT4, isChecked: false },
  { names: ['o4-mini'], encoding: 'o200k_base', pictures: patches(1.72), isChecked: false },
  { names: ['gpt-5'], encoding: 'o200k_base', pictures: tiles(70, 140), isChecked: false },
  { names: ['o1', 'o3', 'o4'], encoding: 'o200k_base', pictures: tiles(75, 150), isChecked: false },
  {
    names: ['gpt-4', 'gpt-3.5-turbo', 'gpt-35-turbo'],
    encoding: 'cl100k_base',
    pictures: TILES_OF_GPT4,
    isChecked: true,
  },
])

/** Counts of models that nobody knows: close for most, since the vocabularies of today are of like sizes. */
export const unknownModelEncoding: ModelEncoding = Object.freeze({
  encoding: 'o200k_base',
  pictures: TILES_OF_GPT4,
  isChecked: false,
})

/** What is known of a model of this name: `gpt-4o`, `openai/gpt-4o-2024-08-06`, `ft:gpt-4o-mini:acme::id`. */
export function findModelEncoding(model: string): ModelEncoding | undefined {
  const name =
    model
      .toLowerCase()
      .split('/')
      .at(-1)
      ?.replace(/^ft:([^:]+).*$/, '$1') ?? ''
  return rows.find(({ names }) => names.some((start) => startsWithName(name, start)))
}

/** `gpt-4` begins `gpt-4-0613` and `gpt-4:free`, not `gpt-4x`. */
function startsWithName(name: string, start: string): boolean {
  if (!name.startsWith(start)) return false
  const next = name[start.length]
  return next === undefined || next === '-' || next === ':' || next === '.' || next === '@'
}
