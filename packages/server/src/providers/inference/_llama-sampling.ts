/** What a request says of how its tokens are chosen, as the engine takes it. */
import { randomInt } from 'node:crypto'
import type { ChatCompletionRequest, CompletionRequest } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import type { Generation, LlamaEngine, Model } from './_llama-engine.ts'
import { checkTokens } from './_llama-tokens.ts'

type Request = Pick<
  ChatCompletionRequest & CompletionRequest,
  'frequency_penalty' | 'presence_penalty' | 'logit_bias' | 'seed' | 'stop' | 'temperature' | 'top_p'
> &
  Readonly<Record<string, unknown>>

/** The settings that do not depend on the model. */
export type Sampling = Pick<
  Generation,
  'temperature' | 'topP' | 'topK' | 'minP' | 'repeatPenalty' | 'customStopTriggers'
> & {
  /** Of the first choice; each further one counts on. */
  readonly seed: number
}

/** What llama.cpp's own server uses: small and quantised models go astray at OpenAI's temperature of 1 without cuts. */
const usual = Object.freeze({ temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05 })

/** Tokens back to which a repetition is held against the next token. */
const PENALTY_TOKENS = 256
const MAX_SEED = 2 ** 31

/** Reads the settings. Throws `invalid_value` for an extra parameter that is no number. */
export function toSampling(request: Request): Sampling {
  const { stop } = request
  const penalties = {
    penalty: numberOf(request, 'repeat_penalty') ?? 1,
    frequencyPenalty: request.frequency_penalty ?? 0,
    presencePenalty: request.presence_penalty ?? 0,
  }
  const isPenalised = penalties.penalty !== 1 || penalties.frequencyPenalty !== 0 || penalties.presencePenalty !== 0
  return {
    temperature: request.temperature ?? usual.temperature,
    topP: request.top_p ?? usual.topP,
    topK: numberOf(request, 'top_k') ?? usual.topK,
    minP: numberOf(request, 'min_p') ?? usual.minP,
    // Without one the engine takes the second of the day: choices that begin together would be alike.
    seed: Math.abs(request.seed ?? randomInt(MAX_SEED)) % MAX_SEED,
    repeatPenalty: isPenalised ? { lastTokens: PENALTY_TOKENS, ...penalties } : false,
    customStopTriggers: (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((text) => text !== ''),
  }
}

/** The biases of a request, by token ids of the model. The engine keeps them off the tokens that end a text. */
export function toTokenBias(
  { logit_bias: biases }: Pick<Request, 'logit_bias'>,
  { module }: LlamaEngine,
  model: Model,
): Pick<Generation, 'tokenBias'> {
  const entries = Object.entries(biases ?? {})
  if (entries.length === 0) return {}
  const bias = module.TokenBias.for(model)
  for (const [id, logit] of entries) {
    const [token = 0] = checkTokens([Number(id)], model, 'logit_bias')
    bias.set(token, { logit: logit <= -100 ? -Infinity : logit })
  }
  return { tokenBias: bias }
}

/** Throws `invalid_value` for what the engine does not compute. */
export function refuseUnsupported(request: Readonly<Record<string, unknown>>, params: readonly string[]): void {
  for (const param of params) {
    const value = request[param]
    if (value === undefined || value === null || value === false || value === 0) continue
    throw new StackError('invalid_value', {
      param,
      problem: 'GGUF models do not support it here',
      fix: 'Leave it out, or choose a model of another provider.',
    })
  }
}

function numberOf(request: Request, param: string): number | undefined {
  const value = request[param]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new StackError('invalid_value', { param, problem: 'it is no number', fix: 'Send a number, or leave it out.' })
}
