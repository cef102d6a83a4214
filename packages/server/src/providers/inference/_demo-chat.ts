/** Puts demo replies into the shapes of OpenAI's chat completions, streamed and not. */
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from '@llama-stack/api'
import { foldDeltas } from './_demo-choice.ts'
import type { Delta, DemoChoice } from './_demo-choice.ts'
import { pause } from './_demo-pacing.ts'
import type { Pacing } from './_demo-pacing.ts'

type Usage = NonNullable<ChatCompletion['usage']>

/** A completion that is ready to be sent. */
export interface DemoChat {
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  readonly request: ChatCompletionRequest
  readonly promptTokens: number
  readonly choices: readonly DemoChoice[]
}

const FINGERPRINT = 'fp_demo'

/** The whole completion at once. Throws where a choice breaks off. */
export function toChatCompletion(chat: DemoChat): ChatCompletion {
  const { id, created, request, choices } = chat
  for (const { failure } of choices) if (failure !== undefined) throw failure
  return {
    id,
    object: 'chat.completion',
    created,
    model: request.model,
    system_fingerprint: FINGERPRINT,
    choices: choices.map((choice, index) => ({
      index,
      message: foldDeltas(choice.deltas),
      logprobs: null,
      finish_reason: choice.finishReason,
    })),
    usage: toUsage(chat),
  }
}

/** The completion as chunks in OpenAI's order: roles, tokens in turn, the ends, and the usage. */
export async function* streamChat(
  chat: DemoChat,
  pacing: Pacing,
  signal: AbortSignal,
): AsyncGenerator<ChatCompletionChunk, void> {
  const { request, choices } = chat
  const wantsUsage = request.stream_options?.include_usage === true
  const frame = (pieces: ChatCompletionChunk['choices']): ChatCompletionChunk => ({
    id: chat.id,
    object: 'chat.completion.chunk',
    created: chat.created,
    model: request.model,
    system_fingerprint: FINGERPRINT,
    choices: pieces,
    ...(wantsUsage ? { usage: null } : {}),
  })
  const piece = (index: number, delta: Delta, finishReason: string | null = null): ChatCompletionChunk =>
    frame([{ index, delta, logprobs: null, finish_reason: finishReason }])

  await pause(pacing.firstTokenMs, signal)
  const longest = Math.max(...choices.map(({ deltas }) => deltas.length))
  for (let step = 0; step < longest; step += 1) {
    // The role, step 0, is not a token and takes no time.
    await pause(step < 2 ? 0 : pacing.tokenIntervalMs, signal)
    for (const [index, { deltas }] of choices.entries()) {
      const delta = deltas[step]
      if (delta !== undefined) yield piece(index, delta)
    }
  }
  for (const [index, { failure, finishReason }] of choices.entries()) {
    if (failure !== undefined) throw failure
    yield piece(index, {}, finishReason)
  }
  yield { ...frame([]), usage: toUsage(chat) }
}

function toUsage({ promptTokens, choices }: DemoChat): Usage {
  const completionTokens = choices.reduce((sum, { tokens }) => sum + tokens, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: choices.reduce((sum, choice) => sum + choice.reasoningTokens, 0) },
  }
}
