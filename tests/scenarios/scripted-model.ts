/** A chat model that answers as a test tells it to, turn by turn: an OpenAI endpoint of which every byte is known. */
import type {
  ScriptedReply,
  ScriptedRequest,
  ScriptedRoute,
} from '../../packages/server/src/testing/scripted-upstream.ts'

/** The answer to one call of the model. */
export type ScriptedTurn = ScriptedReply | ((request: ScriptedRequest) => ScriptedReply | Promise<ScriptedReply>)

export interface ScriptedModel {
  /** What the vendor's `POST /v1/chat/completions` does. */
  readonly route: ScriptedRoute
  /** The bodies of all requests so far. */
  readonly asked: readonly ChatBody[]
  /**
   * What the model does, turn by turn, once the last message of the user is this text, or any other where it is `*`; the last
   * turn is repeated.
   */
  answers(prompt: string, ...turns: readonly ScriptedTurn[]): void
  /** What it does when it is told that an answer does not follow its schema. */
  repairs(turn: (asked: ChatBody) => ScriptedReply): void
}

/** How every request for a repair begins. */
const REPAIR = 'Your answer does not follow the JSON schema'

export interface ChatBody {
  readonly messages: readonly ChatBodyMessage[]
  readonly tools?: readonly { readonly function: { readonly name: string } }[]
  readonly [member: string]: unknown
}

export interface ChatBodyMessage {
  readonly role: string
  readonly content?: unknown
  readonly tool_calls?: readonly { readonly id: string; readonly function: { name: string; arguments: string } }[]
  readonly tool_call_id?: string
}

export function createScriptedModel(): ScriptedModel {
  const scripts = new Map<string, readonly ScriptedTurn[]>()
  const asked: ChatBody[] = []
  let repair: ((asked: ChatBody) => ScriptedReply) | undefined
  return {
    asked,
    repairs: (turn) => (repair = turn),
    answers: (prompt, ...turns) => scripts.set(prompt, turns),
    async route(request) {
      // The server under test sends bodies of OpenAI's shape.
      const body = request.json() as ChatBody
      asked.push(body)
      const last = body.messages.findLastIndex(({ role }) => role === 'user')
      if (repair !== undefined && textOf(body.messages[last]).startsWith(REPAIR)) return repair(body)
      const turns = scripts.get(textOf(body.messages[last])) ??
        scripts.get('*') ?? [says('I was told nothing about this.')]
      const done = body.messages.slice(last).filter(({ role }) => role === 'assistant').length
      const turn = turns[Math.min(done, turns.length - 1)] ?? says('')
      if (body['stream'] === true) return typeof turn === 'function' ? turn(request) : turn
      return toWhole(typeof turn === 'function' ? await turn(request) : turn)
    },
  }
}

function textOf(message: ChatBodyMessage | undefined): string {
  const content = message?.content
  if (typeof content === 'string') return content
  // Parts of OpenAI's shape.
  return ((content ?? []) as readonly { text?: string }[]).map(({ text = '' }) => text).join('')
}

/** A delta of a chunk, as a vendor sends it, and what stands beside it. */
export interface Piece {
  readonly delta: object
  readonly logprobs?: object
}

export interface TurnEnd {
  /** Null: the vendor never says why it ended. Default: `stop`. */
  readonly finish?: string | null
  /** Where the usage comes: in a chunk of its own, beside the finish reason, or not at all. Default: `last`. */
  readonly usage?: 'last' | 'finish' | 'none'
  /** An event that the vendor sends in place of an end. */
  readonly error?: object | undefined
  /** Whether the connection breaks after the last piece. */
  readonly isCut?: boolean
  /** Where the bytes are cut into writes: any numbers. Default: each event is one write. */
  readonly cuts?: readonly number[]
  /** Default: no pause. */
  readonly gapMs?: number
}

const TURN_USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 },
}

/** One turn, streamed as OpenAI does. */
export function streams(pieces: readonly Piece[], end: TurnEnd = {}): ScriptedReply {
  const { finish = 'stop', usage = 'last', error, isCut = false, cuts, gapMs } = end
  const head = { id: 'chatcmpl-3', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm1' }
  const chunks: object[] = pieces.map(({ delta, ...beside }) => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason: null, ...beside }],
  }))
  if (error !== undefined) chunks.push(error)
  else if (!isCut) {
    if (finish !== null) {
      const beside = usage === 'finish' ? { usage: TURN_USAGE } : {}
      chunks.push({ ...head, choices: [{ index: 0, delta: {}, finish_reason: finish }], ...beside })
    }
    if (usage === 'last') chunks.push({ ...head, choices: [], usage: TURN_USAGE })
  }
  const events = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
  if (error === undefined && !isCut) events.push('data: [DONE]\n\n')
  const frames = cuts === undefined ? events : cutBytes(Buffer.from(events.join('')), cuts)
  return {
    headers: { 'content-type': 'text/event-stream' },
    frames,
    ...(gapMs === undefined ? (cuts === undefined ? {} : { gapMs: 0 }) : { gapMs }),
    ...(isCut && { resetAfter: frames.length }),
  }
}

/** The same turn for who does not want it streamed. */
async function toWhole(reply: ScriptedReply): Promise<ScriptedReply> {
  if (!('frames' in reply)) return reply
  const { frames, resetAfter, gapMs = 0, ...head } = reply
  const text = Buffer.concat(frames.map((frame) => Buffer.from(frame))).toString()
  const parsed = text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)) as Record<string, unknown>)
  await new Promise((resolve) => setTimeout(resolve, gapMs * frames.length))
  const error = parsed.find((chunk) => 'error' in chunk)
  const whole = error ?? fold(parsed)
  const json = JSON.stringify(whole)
  if (resetAfter === undefined) return { ...head, headers: {}, json: whole }
  return { ...head, headers: { 'content-type': 'application/json' }, frames: [json.slice(0, -9)], resetAfter: 1 }
}

/** The completion whose pieces these chunks are. Lists of parts stay lists, as Mistral sends them. */
function fold(chunks: readonly Record<string, unknown>[]): object {
  const completion: Record<string, unknown> = {}
  const message: Record<string, unknown> = { role: 'assistant', content: null }
  const choice: Record<string, unknown> = { index: 0, message, finish_reason: null, logprobs: null }
  for (const { choices, ...head } of chunks) {
    Object.assign(completion, head)
    // Chunks of our own making.
    for (const piece of choices as readonly Record<string, unknown>[]) {
      addPiece(message, piece['delta'] as Record<string, unknown>)
      if (piece['finish_reason'] !== null) choice['finish_reason'] = piece['finish_reason']
      if (piece['logprobs'] !== undefined)
        addPiece((choice['logprobs'] ??= {}) as typeof message, piece['logprobs'] as typeof message)
    }
  }
  return { ...completion, object: 'chat.completion', choices: [choice] }
}

function addPiece(into: Record<string, unknown>, piece: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(piece)) {
    const before = into[key]
    if (key === 'tool_calls')
      addCalls((into[key] ??= []) as Record<string, unknown>[], value as Record<string, unknown>[])
    else if (key === 'role' || key === 'id' || key === 'type' || key === 'index') into[key] = before ?? value
    else if (typeof value === 'string')
      into[key] = Array.isArray(before)
        ? [...before, { type: 'text', text: value }]
        : `${(before ?? '') as string}${value}`
    else if (Array.isArray(value))
      into[key] = [
        ...(Array.isArray(before)
          ? before
          : typeof before === 'string' && before !== ''
            ? [{ type: 'text', text: before }]
            : []),
        ...value,
      ]
    else if (typeof value === 'object' && value !== null)
      addPiece((into[key] ??= {}) as Record<string, unknown>, value as Record<string, unknown>)
  }
}

function addCalls(calls: Record<string, unknown>[], pieces: readonly Record<string, unknown>[]): void {
  for (const piece of pieces) {
    const known = calls.find((call) => call['index'] === piece['index'])
    if (known === undefined) calls.push(structuredClone(piece))
    else addPiece(known, piece)
  }
}

function cutBytes(bytes: Buffer, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))].toSorted((a, b) => a - b)
  return [0, ...places].flatMap((from, index) => {
    const piece = bytes.subarray(from, places[index] ?? bytes.length)
    return piece.length === 0 ? [] : [piece]
  })
}

/** A turn that says one text. */
export function says(text: string, end: TurnEnd = {}): ScriptedReply {
  return streams([{ delta: { role: 'assistant', content: text } }], end)
}

export interface ScriptedCall {
  readonly id?: string
  readonly name: string
  /** Text is sent as it is. */
  readonly arguments?: object | string
}

/** A turn that calls tools. */
export function calls(...made: readonly ScriptedCall[]): ScriptedReply {
  const pieces = made.map(({ id, name, arguments: args = {} }, index): Piece => ({
    delta: {
      tool_calls: [
        {
          index,
          id: id ?? `call_${name}_${index}`,
          type: 'function',
          function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
        },
      ],
    },
  }))
  return streams(pieces, { finish: 'tool_calls' })
}

/** A turn that says one text and does not stream: what summaries are asked for with. */
export function wholly(text: string): ScriptedReply {
  return {
    json: {
      id: 'chatcmpl-4',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'm1',
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop', logprobs: null }],
      usage: TURN_USAGE,
    },
  }
}
