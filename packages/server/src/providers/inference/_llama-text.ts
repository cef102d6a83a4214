/** Texts continued by a GGUF model, as the choices of OpenAI's text completions. */
import type { Completion, CompletionRequest } from '@llama-stack/api'
import type { Token } from './_llama-engine.ts'
import { roomFor } from './_llama-model.ts'
import type { LoadedWriter } from './_llama-model.ts'
import { refuseUnsupported, toSampling, toTokenBias } from './_llama-sampling.ts'
import type { Sampling } from './_llama-sampling.ts'
import { toInputs, toTokens } from './_llama-tokens.ts'

export type TextUsage = NonNullable<Completion['usage']>
export type TextChoice = Completion['choices'][number]

export interface TextPlan {
  readonly prompts: readonly (string | readonly number[])[]
  readonly sampling: Sampling
  readonly choices: number
  readonly maxTokens: number
}

/** OpenAI's default for text completions. */
const USUAL_TOKENS = 16
/** How far back the spelling of a token can depend on others. */
const TRAILING_TOKENS = 8
/** Room for the end of the text, and for the engine not to shorten the prompt. */
const RESERVED_TOKENS = 16

/** Reads a request. Throws `invalid_value` for what the engine cannot do. */
export function toTextPlan(request: CompletionRequest): TextPlan {
  refuseUnsupported(request, ['logprobs', 'suffix'])
  if ((request.best_of ?? 1) > 1) refuseUnsupported(request, ['best_of'])
  return {
    prompts: toInputs(request.prompt),
    sampling: toSampling(request),
    choices: request.n ?? 1,
    maxTokens: request.max_tokens ?? USUAL_TOKENS,
  }
}

export interface TextWriting {
  readonly request: CompletionRequest
  readonly plan: TextPlan
  readonly emit: (choice: TextChoice) => void
  readonly signal: AbortSignal
}

/** Continues all prompts, one after the other. Rejects with `context_length_exceeded` before anything is evaluated. */
export async function writeTexts(loaded: LoadedWriter, writing: TextWriting): Promise<TextUsage> {
  const { plan, request, signal } = writing
  const { model } = loaded
  const prompts = plan.prompts.map((prompt) => {
    const tokens = toTokens(prompt, model, 'prompt')
    const room = roomFor(loaded, tokens.length, { reserved: RESERVED_TOKENS, param: 'prompt' })
    return { tokens, maxTokens: Math.min(plan.maxTokens, room), echo: toEcho(prompt, loaded) }
  })
  let completionTokens = 0
  for (const [at, { tokens, maxTokens, echo }] of prompts.entries()) {
    completionTokens += await loaded.write({
      tokens: withBeginning(tokens, loaded),
      signal,
      async run(sequence) {
        const before = sequence.tokenMeter.usedOutputTokens
        for (let choice = 0; choice < plan.choices; choice += 1) {
          const index = at * plan.choices + choice
          const emit = (text: string, finishReason: string | null = null): void =>
            writing.emit({ index, text, logprobs: null, finish_reason: finishReason })
          if (request.echo === true) emit(echo)
          const { seed, ...sampling } = plan.sampling
          const completer = new loaded.engine.module.LlamaCompletion({ contextSequence: sequence })
          const said = [...tokens]
          const { metadata } = await completer.generateCompletionWithMeta(tokens, {
            ...sampling,
            ...toTokenBias(request, loaded.engine, model),
            seed: seed + index,
            maxTokens,
            signal,
            contextShiftSize: 1,
            onToken(next) {
              // The engine's own text begins a text of its own: without the space that a word brings along.
              const text = model.detokenize(next, false, said.slice(-TRAILING_TOKENS))
              said.push(...next)
              if (text !== '') emit(text)
            },
          })
          completer.dispose()
          emit('', metadata.stopReason === 'maxTokens' ? 'length' : 'stop')
        }
        return sequence.tokenMeter.usedOutputTokens - before
      },
    })
  }
  const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens.length, 0)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

function toEcho(prompt: string | readonly number[], { model }: LoadedWriter): string {
  return typeof prompt === 'string' ? prompt : model.detokenize(prompt)
}

/** The engine puts the model's first token before every prompt. */
function withBeginning(tokens: readonly Token[], { model }: LoadedWriter): readonly Token[] {
  const { bos, shouldPrependBosToken } = model.tokens
  return shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens
}
