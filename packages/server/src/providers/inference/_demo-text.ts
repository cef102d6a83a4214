/** Puts demo replies into the shapes of OpenAI's text completions, streamed and not. */
import { StackError } from '@llama-stack/api'
import type { Completion, CompletionChunk, CompletionRequest } from '@llama-stack/api'
import { cutAtStop, limitsOf } from './_demo-choice.ts'
import { pause } from './_demo-pacing.ts'
import type { Pacing } from './_demo-pacing.ts'
import type { DemoReply } from './_demo-reply.ts'
import { countTokens, splitTokens } from './_token-count.ts'

type Usage = NonNullable<Completion['usage']>

/** One text of a completion. */
export interface DemoText {
  /** Sent before what is new, when the request asks for it. */
  readonly echo: string
  readonly pieces: readonly string[]
  readonly finishReason: string
  readonly failure: StackError | undefined
}

/** A completion that is ready to be sent. */
export interface DemoTexts {
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  readonly request: CompletionRequest
  readonly prompts: readonly string[]
  readonly texts: readonly DemoText[]
}

/** The prompts of a request. Throws `invalid_value` for token ids. */
export function parsePrompts(prompt: CompletionRequest['prompt']): readonly string[] {
  if (typeof prompt === 'string') return [prompt]
  return prompt.map((item) => {
    if (typeof item === 'string') return item
    throw new StackError('invalid_value', {
      param: 'prompt',
      problem: 'a demo model has no vocabulary and takes no token ids',
      fix: 'Send the text itself.',
    })
  })
}

/** Cuts a reply to a prompt within the request's limits. Calls and refusals become text, since there is nothing else. */
export function toText(prompt: string, reply: DemoReply, request: CompletionRequest): DemoText {
  const { maxTokens, stops } = limitsOf(request)
  const calls = (reply.toolCalls ?? []).map((call) => `${call.name}(${call.arguments})`)
  const { text, stopped } = cutAtStop(reply.content ?? reply.refusal ?? calls.join('\n'), stops)
  const all = splitTokens(text)
  const pieces = all.slice(0, maxTokens)
  const isCut = pieces.length < all.length
  return {
    echo: request.echo === true ? prompt : '',
    pieces,
    finishReason: isCut ? 'length' : stopped ? 'stop' : (reply.finishReason ?? 'stop'),
    failure: isCut || stopped ? undefined : reply.failure,
  }
}

/** The whole completion at once. Throws where a text breaks off. */
export function toCompletion(demo: DemoTexts): Completion {
  for (const { failure } of demo.texts) if (failure !== undefined) throw failure
  return {
    id: demo.id,
    object: 'text_completion',
    created: demo.created,
    model: demo.request.model,
    choices: demo.texts.map(({ echo, pieces, finishReason }, index) => ({
      index,
      text: echo + pieces.join(''),
      logprobs: null,
      finish_reason: finishReason,
    })),
    usage: toUsage(demo),
  }
}

/** The completion as chunks: tokens in turn, the ends, and the usage. */
export async function* streamTexts(
  demo: DemoTexts,
  pacing: Pacing,
  signal: AbortSignal,
): AsyncGenerator<CompletionChunk, void> {
  const wantsUsage = demo.request.stream_options?.include_usage === true
  const frame = (choices: CompletionChunk['choices']): CompletionChunk => ({
    id: demo.id,
    object: 'text_completion',
    created: demo.created,
    model: demo.request.model,
    choices,
    ...(wantsUsage ? { usage: null } : {}),
  })
  const piece = (index: number, text: string, finishReason: string | null = null): CompletionChunk =>
    frame([{ index, text, logprobs: null, finish_reason: finishReason }])

  for (const [index, { echo }] of demo.texts.entries()) if (echo !== '') yield piece(index, echo)
  await pause(pacing.firstTokenMs, signal)
  const longest = Math.max(...demo.texts.map(({ pieces }) => pieces.length))
  for (let step = 0; step < longest; step += 1) {
    await pause(step === 0 ? 0 : pacing.tokenIntervalMs, signal)
    for (const [index, { pieces }] of demo.texts.entries()) {
      const text = pieces[step]
      if (text !== undefined) yield piece(index, text)
    }
  }
  for (const [index, { failure, finishReason }] of demo.texts.entries()) {
    if (failure !== undefined) throw failure
    yield piece(index, '', finishReason)
  }
  yield { ...frame([]), usage: toUsage(demo) }
}

function toUsage({ prompts, texts }: DemoTexts): Usage {
  const promptTokens = prompts.reduce((sum, prompt) => sum + countTokens(prompt), 0)
  const completionTokens = texts.reduce((sum, { pieces }) => sum + pieces.length, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}
