/** Two models that need no network and no key: canned exchanges, and a program that calls tools, cites and fills schemas. */
import * as z from 'zod'
import { defineProvider, StackError } from '@llama-stack/api'
import type {
  ChatCompletionRequest,
  CompletionRequest,
  InferenceProvider,
  ProviderCall,
  ProviderModel,
} from '@llama-stack/api'
import { createIds } from '../../kernel/ids.ts'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type { DemoReply } from './_demo-reply.ts'

const MAX_WAIT_MS = 60_000
const headers = Object.freeze({ [stackHeaders.demo]: '1' })

const config = z.strictObject({
  first_token_ms: z
    .int()
    .min(0)
    .max(MAX_WAIT_MS)
    .default(250)
    .describe('Milliseconds until a stream’s first token. Default: 250.'),
  token_interval_ms: z
    .int()
    .min(0)
    .max(MAX_WAIT_MS)
    .default(18)
    .describe('Milliseconds between the tokens of a stream. Default: 18.'),
})

/** Answers one choice of a request. */
type Speaker = (request: ChatCompletionRequest, variant: number) => DemoReply

const models: readonly ProviderModel[] = Object.freeze([
  {
    id: 'assistant',
    type: 'llm',
    metadata: { demo: true, description: 'Calls tools, cites files, fills schemas. A program, not a language model.' },
  },
  { id: 'scripted', type: 'llm', metadata: { demo: true, description: 'Canned exchanges. Ask it what it knows.' } },
])

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::demo',
  description:
    'Demo models for a first look, tests and offline work. Their replies are canned or computed, and labelled.',
  config,
  create({
    id,
    config: { first_token_ms: firstTokenMs, token_interval_ms: tokenIntervalMs },
    clock,
  }): InferenceProvider {
    const ids = createIds()
    const pacing = { firstTokenMs, tokenIntervalMs }
    const begin = (prefix: string) => ({ id: ids.random(prefix), created: Math.floor(clock.now() / 1000) })

    async function chatCompletion(request: ChatCompletionRequest, call: ProviderCall) {
      const speak = await loadSpeaker(request.model, id)
      const [{ limitsOf, toChoice }, { streamChat, toChatCompletion }, { countPromptTokens }] = await Promise.all([
        import('./_demo-choice.ts'),
        import('./_demo-chat.ts'),
        import('./_demo-prompt.ts'),
      ])
      const limits = limitsOf(request)
      const newCallId = (): string => ids.random('call_demo_')
      const choices = Array.from({ length: request.n ?? 1 }, (_, variant) =>
        toChoice(speak(request, variant), limits, newCallId),
      )
      const chat = { ...begin('chatcmpl-demo-'), request, promptTokens: countPromptTokens(request), choices }
      refuseEarly(choices, ({ deltas }) => deltas.length <= 1)
      const stripUsageChunk = request.stream_options?.include_usage !== true
      return request.stream === true
        ? { kind: 'events' as const, events: streamChat(chat, pacing, call.signal), headers, stripUsageChunk }
        : { kind: 'value' as const, value: toChatCompletion(chat), headers }
    }

    async function completion(request: CompletionRequest, call: ProviderCall) {
      const speak = await loadSpeaker(request.model, id)
      const { parsePrompts, streamTexts, toCompletion, toText } = await import('./_demo-text.ts')
      const prompts = parsePrompts(request.prompt)
      const texts = prompts.flatMap((prompt) =>
        Array.from({ length: request.n ?? 1 }, (_, variant) => {
          const asked: ChatCompletionRequest = { model: request.model, messages: [{ role: 'user', content: prompt }] }
          return toText(prompt, speak(asked, variant), request)
        }),
      )
      const demo = { ...begin('cmpl-demo-'), request, prompts, texts }
      refuseEarly(texts, ({ pieces }) => pieces.length === 0)
      const stripUsageChunk = request.stream_options?.include_usage !== true
      return request.stream === true
        ? { kind: 'events' as const, events: streamTexts(demo, pacing, call.signal), headers, stripUsageChunk }
        : { kind: 'value' as const, value: toCompletion(demo), headers }
    }

    return {
      openModels: false,
      demo: true,
      chatCompletion,
      completion,
      models: () => Promise.resolve(models),
      health: () => Promise.resolve({ status: 'OK' }),
    }
  },
})

async function loadSpeaker(model: string, provider: string): Promise<Speaker> {
  if (model === 'assistant') return (await import('./_demo-assistant.ts')).answerAsAssistant
  if (model !== 'scripted') throw new StackError('model_not_found', { model })
  const { playScript } = await import('./_demo-scripted.ts')
  return (request) => playScript(request, provider)
}

/** A reply that fails before it says anything fails as a whole: with a status, not within a stream. */
function refuseEarly<Choice extends { readonly failure: StackError | undefined }>(
  choices: readonly Choice[],
  isSilent: (choice: Choice) => boolean,
): void {
  for (const choice of choices) if (choice.failure !== undefined && isSilent(choice)) throw choice.failure
}
