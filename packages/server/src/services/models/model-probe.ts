/**
 * Tries a chat model out: whether it calls tools, follows a schema, sees pictures. Each is one short call; that a vendor
 * refuses such a request is an answer too, any other failure ends the probe.
 */
import { isStackError, StackError } from '@llama-stack/api'
import type {
  CallContext,
  ChatCompletion,
  ChatCompletionRequest,
  Inference,
  ModelFacts,
  ModelProbeReport,
} from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { pictureOfTwoColours } from './probe-picture.ts'

type Question = Pick<ChatCompletionRequest, 'messages' | 'tools' | 'tool_choice' | 'response_format'>

/** What one call has shown. */
type Finding = ModelProbeReport['probes'][string]

interface Trial {
  /** Asked in turn until one is answered; the last answer counts. */
  readonly questions: readonly Question[]
  readonly judge: (reply: ChatCompletion) => boolean
}

/** What the probes have found. */
export interface ProbeOutcome {
  readonly facts: ModelFacts
  readonly probes: ModelProbeReport['probes']
}

const PROBE_TIMEOUT_MS = 60_000
const MAX_EVIDENCE_LENGTH = 200

const tools: ChatCompletionRequest['tools'] = [
  {
    type: 'function',
    function: {
      name: 'get_temperature',
      description: 'Measures the temperature in a city.',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
]
const askForTool: Question = {
  messages: [{ role: 'user', content: 'What is the temperature in Oslo? Use the tool.' }],
  tools,
}

const plainQuestion: Question = { messages: [{ role: 'user', content: 'Answer with the word yes.' }] }

const trials: Readonly<Record<'tools' | 'structured_output' | 'vision', Trial>> = Object.freeze({
  tools: {
    // Some who call tools cannot be made to.
    questions: [{ ...askForTool, tool_choice: 'required' }, askForTool],
    judge: (reply) => (reply.choices[0]?.message.tool_calls ?? []).length > 0,
  },
  structured_output: {
    questions: [
      {
        // Nobody answers this with such an object by chance.
        messages: [{ role: 'user', content: 'Say good morning.' }],
        response_format: {
          type: 'json_schema',
          json_schema: {
            name: 'greeting',
            strict: true,
            schema: {
              type: 'object',
              properties: { words: { type: 'string' }, code: { type: 'integer', enum: [4711] } },
              required: ['words', 'code'],
              additionalProperties: false,
            },
          },
        },
      },
    ],
    judge: (reply) => findJson(textOf(reply))?.['code'] === 4711,
  },
  vision: {
    questions: [
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'Which two colours does the picture have? Answer with their names only.' },
              { type: 'image_url', image_url: { url: pictureOfTwoColours } },
            ],
          },
        ],
      },
    ],
    judge: (reply) => /yellow/i.test(textOf(reply)) && /blue/i.test(textOf(reply)),
  },
})

/** Runs all trials, one after the other, so that a small server is not asked for everything at once. */
export async function probeModel(inference: Inference, model: string, context: CallContext): Promise<ProbeOutcome> {
  const asking = { inference, model, context }
  const probes: Record<string, Finding> = {}
  // What refuses a plain question too says nothing of the others.
  let thinks = hasThought(await answer(plainQuestion, asking))
  for (const [name, trial] of Object.entries(trials)) {
    // Each waits for the one before it, on purpose.
    // eslint-disable-next-line no-await-in-loop
    const { finding, reply } = await run(trial, asking)
    probes[name] = finding
    thinks ||= reply !== undefined && hasThought(reply)
  }
  if (thinks) probes['reasoning'] = { supported: true, evidence: 'Its replies had thoughts.' }
  return { probes, facts: toFacts(probes) }
}

interface Asking {
  readonly inference: Inference
  readonly model: string
  readonly context: CallContext
}

interface Ran {
  readonly finding: Finding
  readonly reply?: ChatCompletion
}

async function run({ questions, judge }: Trial, asking: Asking): Promise<Ran> {
  let last: Ran = { finding: { supported: false, evidence: 'nothing was asked' } }
  for (const question of questions) {
    // The next is asked only where this one did not succeed.
    // eslint-disable-next-line no-await-in-loop
    last = await ask(question, judge, asking)
    if (last.finding.supported) break
  }
  return last
}

async function ask(question: Question, judge: Trial['judge'], asking: Asking): Promise<Ran> {
  try {
    const reply = await answer(question, asking)
    return { finding: { supported: judge(reply), evidence: toEvidence(reply) }, reply }
  } catch (error) {
    if (!isStackError(error) || !isRefusal(error)) throw error
    return { finding: { supported: false, evidence: error.message.slice(0, MAX_EVIDENCE_LENGTH) } }
  }
}

async function answer(question: Question, { inference, model, context }: Asking): Promise<ChatCompletion> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)])
  const { rawBody: _body, ...rest } = context
  const request = { ...question, model, store: false }
  // An answer that was given before tells nothing of now.
  return toCompletion(await inference.createChatCompletion(request, { ...rest, signal, cacheControl: 'off' }), model)
}

/** Whether the request itself was the reason. */
function isRefusal(error: StackError): boolean {
  return (
    isStackError(error, 'provider_invalid_request') ||
    isStackError(error, 'operation_unsupported') ||
    isStackError(error, 'invalid_value')
  )
}

/** A reply that was not asked to stream is a value, or the bytes of one. */
function toCompletion(reply: Awaited<ReturnType<Inference['createChatCompletion']>>, model: string): ChatCompletion {
  if (reply.kind === 'value') return reply.value
  const bytes = reply.kind === 'bytes' ? reply.bytes : ''
  const parsed = findJson(typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString())
  // What a provider sent was read as a completion on its way; its members are looked at one by one.
  if (parsed !== undefined && Array.isArray(parsed['choices'])) return parsed as unknown as ChatCompletion
  throw new StackError('provider_bad_reply', { provider: model, reason: 'its reply is no chat completion' })
}

function textOf(reply: ChatCompletion): string {
  const content: unknown = reply.choices[0]?.message.content
  return typeof content === 'string' ? content : ''
}

function hasThought(reply: ChatCompletion): boolean {
  const message = asRecord(reply.choices[0]?.message)
  const counted = asRecord(asRecord(reply.usage)['completion_tokens_details'])['reasoning_tokens']
  const said = ['reasoning_content', 'reasoning'].some(
    (name) => typeof message[name] === 'string' && message[name] !== '',
  )
  return said || (typeof counted === 'number' && counted > 0) || textOf(reply).includes('</think>')
}

function findJson(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function toEvidence(reply: ChatCompletion): string {
  const calls = reply.choices[0]?.message.tool_calls
  const shown = calls !== undefined && calls !== null && calls.length > 0 ? JSON.stringify(calls) : textOf(reply)
  return shown.slice(0, MAX_EVIDENCE_LENGTH)
}

function toFacts(probes: Readonly<Record<string, Finding>>): ModelFacts {
  const { tools: calls, structured_output: follows, vision, reasoning } = probes
  return {
    ...(calls !== undefined && { tools: calls.supported }),
    ...(follows !== undefined && { structured_output: follows.supported }),
    ...(vision !== undefined && { input_modalities: vision.supported ? ['text', 'image'] : ['text'] }),
    ...(reasoning !== undefined && { reasoning: reasoning.supported }),
  }
}
