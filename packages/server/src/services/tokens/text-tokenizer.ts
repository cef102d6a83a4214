/** Real tokenizers, loaded when the first text has to be counted. */
import { readFile, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { EncodingName } from './model-encodings.ts'

/** Counts the tokens of a text that is not too long: a piece of {@link cutText}. */
export interface TextTokenizer {
  /** `o200k_base`, or the path below the folder of models of a model's own tokenizer. */
  readonly name: string
  count(piece: string): number
}

/**
 * Loads a vocabulary. `o200k_harmony` is `o200k_base` for the texts of clients, in which special tokens are plain text, so
 * that it needs no memory of its own.
 */
export async function loadEncoding(name: EncodingName): Promise<TextTokenizer> {
  const { countTokens } =
    name === 'cl100k_base'
      ? await import('gpt-tokenizer/encoding/cl100k_base')
      : await import('gpt-tokenizer/encoding/o200k_base')
  // Marks such as <|endoftext|> in a text of a client are text.
  const options = { disallowedSpecial: new Set<string>() }
  return { name, count: (piece) => countTokens(piece, options) }
}

/** Beyond the tokenizers of all models that are known; they are read into memory. */
const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024

/** The `tokenizer.json` of a model in the folder of models; undefined where there is none that can be read. */
export async function findOwnTokenizer(model: string, folder: string): Promise<TextTokenizer | undefined> {
  const directory = await findModelFolder(model, resolve(folder))
  if (directory === undefined) return undefined
  try {
    const [tokenizer, settings, { Tokenizer }] = await Promise.all([
      readFile(join(directory, 'tokenizer.json'), 'utf8'),
      readFile(join(directory, 'tokenizer_config.json'), 'utf8').catch(() => '{}'),
      import('@huggingface/tokenizers'),
    ])
    // The library checks what it reads.
    const parsed = new Tokenizer(JSON.parse(tokenizer) as object, JSON.parse(settings) as object)
    return {
      name: `${directory.slice(resolve(folder).length + 1)}/tokenizer.json`,
      count: (piece) => parsed.encode(piece, { add_special_tokens: false }).ids.length,
    }
  } catch {
    // Of a kind that the library does not know: its tokens are estimated, as if it were not there.
    return undefined
  }
}

/** The model's id, then without the provider before it: `vllm/meta-llama/Llama-3.1-8B` lies in `meta-llama/Llama-3.1-8B`. */
async function findModelFolder(model: string, folder: string): Promise<string | undefined> {
  const slash = model.indexOf('/')
  for (const name of [model, ...(slash === -1 ? [] : [model.slice(slash + 1)])]) {
    const directory = resolve(folder, name)
    // A client chooses the name: it must not lead out of the folder.
    if (!directory.startsWith(folder + sep) || name.includes('\0')) continue
    // The second name is looked for where the first leads nowhere.
    // eslint-disable-next-line no-await-in-loop
    const file = await stat(join(directory, 'tokenizer.json')).catch(() => undefined)
    if (file?.isFile() === true && file.size <= MAX_TOKENIZER_BYTES) return directory
  }
  return undefined
}
