/**
 * Counts the tokens of chat requests with the tokenizer of the model, and says where a count is an estimate: because the
 * vocabulary is another one, because nobody publishes how its vendor wraps messages, or because of what the request holds.
 */
import type { ChatCompletionRequest, ChatMessage } from '@llama-stack/api'
import { lazy } from '../../kernel/lazy.ts'
import { findModelEncoding, unknownModelEncoding } from './model-encodings.ts'
import type { EncodingName, ModelEncoding } from './model-encodings.ts'
import { toFrameParts, toMessageParts } from './request-parts.ts'
import type { CalledNames, RequestParts } from './request-parts.ts'
import { cutText } from './text-pieces.ts'
import { findOwnTokenizer, loadEncoding } from './text-tokenizer.ts'
import type { TextTokenizer } from './text-tokenizer.ts'

/** The tokens of a request. */
export interface TokenCount {
  readonly tokens: number
  readonly isEstimate: boolean
  /** What counted: `o200k_base`, or the file of the model's own tokenizer below the folder of models. */
  readonly tokenizer: string
}

/** What is counted: the parts of a chat request that a model reads. */
export type CountedRequest = Pick<ChatCompletionRequest, 'messages' | 'tools' | 'tool_choice' | 'response_format'>

export interface TokenCounter {
  /** Counts a request to a model, by the name that its vendor knows it by or with the provider before it. */
  count(model: string, request: CountedRequest): Promise<TokenCount>
}

export interface TokenCounterOptions {
  /** Where the files of models are kept, among them tokenizers. Default: only the shipped vocabularies. */
  readonly modelsFolder?: string | undefined
}

/** How a model is counted. */
interface Counting extends ModelEncoding {
  readonly tokenizer: TextTokenizer
  /** What its messages have: a loop asks for the same ones again and again. */
  readonly counted: WeakMap<ChatMessage, MessageCount>
}

interface MessageCount {
  readonly tokens: number
  readonly isEstimate: boolean
  /** What the output was told with; another name makes another count. */
  readonly calledName: string | undefined
}

/** Names that clients make up must not fill the memory. */
const MAX_MODELS = 64
/** A tokenizer of a model's own takes some tens of megabytes. */
const MAX_OWN_TOKENIZERS = 2
/** After so many characters other requests get their turn. */
const TURN_LENGTH = 256 * 1024

/** Makes a counter. Vocabularies are loaded when they are first needed: that takes a third of a second and some 60 MB each. */
export function createTokenCounter({ modelsFolder }: TokenCounterOptions = {}): TokenCounter {
  const countings = new Map<string, Promise<Counting>>()
  let ownTokenizers: string[] = []
  const encodings: Readonly<Record<EncodingName, () => Promise<TextTokenizer>>> = {
    cl100k_base: lazy(() => loadEncoding('cl100k_base')),
    o200k_base: lazy(() => loadEncoding('o200k_base')),
    o200k_harmony: lazy(() => loadEncoding('o200k_harmony')),
  }

  const find = async (model: string): Promise<Counting> => {
    const known = findModelEncoding(model)
    const own =
      known === undefined && modelsFolder !== undefined ? await findOwnTokenizer(model, modelsFolder) : undefined
    const encoding = known ?? unknownModelEncoding
    if (own !== undefined) {
      ownTokenizers = [model, ...ownTokenizers.filter((name) => name !== model)]
      for (const name of ownTokenizers.splice(MAX_OWN_TOKENIZERS)) countings.delete(name)
    }
    return { ...encoding, tokenizer: own ?? (await encodings[encoding.encoding]()), counted: new WeakMap() }
  }

  return {
    async count(model, request) {
      const counting = countings.get(model) ?? find(model)
      countings.delete(model)
      countings.set(model, counting)
      const [oldest] = countings.keys()
      if (countings.size > MAX_MODELS && oldest !== undefined) countings.delete(oldest)
      return countRequest(await counting, request)
    },
  }
}

async function countRequest(counting: Counting, request: CountedRequest): Promise<TokenCount> {
  const calledNames = toCalledNames(request.messages)
  const turns = new Turns()
  // What it is called does not change its tokens.
  const frame = await countParts(counting.tokenizer, toFrameParts({ ...request, model: '' }), turns)
  let tokens = frame.tokens
  let isEstimate = !counting.isChecked || frame.isEstimate
  for (const message of request.messages) {
    // One after the other: a processor can only do one.
    // eslint-disable-next-line no-await-in-loop
    const counted = await countMessage(counting, message, { calledNames, turns })
    tokens += counted.tokens
    isEstimate ||= counted.isEstimate
  }
  return { tokens, isEstimate, tokenizer: counting.tokenizer.name }
}

async function countMessage(
  { tokenizer, pictures, counted }: Counting,
  message: ChatMessage,
  { calledNames, turns }: { readonly calledNames: CalledNames; readonly turns: Turns },
): Promise<MessageCount> {
  const calledName = message.role === 'tool' ? calledNames.get(message.tool_call_id) : undefined
  const before = counted.get(message)
  if (before !== undefined && before.calledName === calledName) return before
  const parts = toMessageParts(message, pictures, calledNames)
  const found = { ...(await countParts(tokenizer, parts, turns)), calledName }
  counted.set(message, found)
  return found
}

async function countParts(
  tokenizer: TextTokenizer,
  { texts, fixed, isEstimate }: RequestParts,
  turns: Turns,
): Promise<Pick<TokenCount, 'tokens' | 'isEstimate'>> {
  let tokens = fixed
  for (const text of texts) {
    for (const piece of cutText(text)) {
      tokens += tokenizer.count(piece)
      // The point of the wait is that it is in between.
      // eslint-disable-next-line no-await-in-loop
      if (turns.isOver(piece.length)) await turns.next()
    }
  }
  return { tokens, isEstimate }
}

/** Shares the processor with other requests. */
class Turns {
  #left = TURN_LENGTH

  isOver(length: number): boolean {
    this.#left -= length
    return this.#left <= 0
  }

  next(): Promise<void> {
    this.#left = TURN_LENGTH
    return new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

function toCalledNames(messages: readonly ChatMessage[]): CalledNames {
  const names = new Map<string, string>()
  for (const message of messages) {
    if (message.role !== 'assistant') continue
    for (const { id, function: called } of message.tool_calls ?? []) {
      if (id !== undefined && called?.name !== undefined) names.set(id, called.name)
    }
  }
  return names
}
