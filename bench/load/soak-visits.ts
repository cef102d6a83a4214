import { floodUser, mockModel } from '../mock/bodies.ts'
import type { HttpCall, HttpCaller, HttpReply } from './http-caller.ts'

/** What a visit gets. */
export type SoakScene = {
  readonly caller: HttpCaller
  readonly random: () => number
  /** A number that no other visit has. */
  readonly turn: number
}

/** One kind of visit; what it returns is `answered`, `failed`, or what was wrong. */
export type SoakVisit = {
  readonly name: string
  /** How often it is paid, against the others. */
  readonly weight: number
  readonly pay: (scene: SoakScene) => Promise<string>
}

const chatPath = '/v1/chat/completions'
const well = `well/${mockModel}`
const weak = `weak/${mockModel}`
/** Not on the vendor's list, where every model is one for chats. */
const embedder = 'well/bench-embedder'
const aliases = ['ordered', 'spread', 'hedged', 'sessions', 'continued']

/** A chat request that no other visit has sent. */
export function toChat(model: string, turn: number, more: object = {}): HttpCall {
  const content = `Question ${turn}: which of the two boats came in first this morning?`
  return { path: chatPath, body: { model, messages: [{ role: 'user', content }], ...more } }
}

const streaming = { stream: true, stream_options: { include_usage: true } }

/** A request for megabytes, which the vendor sends as fast as they are read. */
export function toFlood(turn: number): HttpCall {
  return toChat(well, turn, { ...streaming, user: floodUser, store: false })
}

function isWholeStream({ status, text }: HttpReply): boolean {
  return status === 200 && text.endsWith('data: [DONE]\n\n') && !text.includes('"error":{')
}

function toBrief(reply: HttpReply): string {
  return `status ${reply.status}: ${/"code":"(\w+)"/.exec(reply.text)?.[1] ?? reply.text.slice(0, 60)}`
}

/** An answer is due. */
function mustAnswer(reply: HttpReply, isRight: boolean = reply.status === 200): string {
  return isRight ? 'answered' : toBrief(reply)
}

/** An answer, or the error of a vendor, which is never a fault of the server. */
function mayFail(reply: HttpReply): string {
  const isStream = String(reply.headers['content-type']).startsWith('text/event-stream')
  if (isStream ? isWholeStream(reply) : reply.status === 200) return 'answered'
  const code = /"code":"(\w+)"/.exec(reply.text)?.[1] ?? ''
  return /^provider_|^deadline_exceeded$/.test(code) ? 'failed' : toBrief(reply)
}

/** A refusal with this status is due. */
function mustRefuse(reply: HttpReply, status: number): string {
  return reply.status === status ? 'answered' : toBrief(reply)
}

function choose<Item>(items: readonly [Item, ...Item[]], random: () => number): Item {
  return items[Math.floor(random() * items.length)] ?? items[0]
}

async function registerAndDelete({ caller, turn }: SoakScene): Promise<string> {
  const id = `soak-${turn}`
  const body = { model_id: id, provider_model_id: mockModel, provider_id: 'well' }
  const registered = await caller.ask({ path: '/v1/models', body })
  if (registered.status !== 200) return toBrief(registered)
  // The reply is the model that was registered.
  const { identifier } = JSON.parse(registered.text) as { identifier: string }
  const asked = await caller.ask(toChat(identifier, turn))
  const deleted = await caller.ask({ path: `/v1/models/${identifier}`, method: 'DELETE' })
  return mustAnswer(asked) === 'answered' ? mustAnswer(deleted, deleted.status < 300) : toBrief(asked)
}

async function listAndRead({ caller, turn }: SoakScene): Promise<string> {
  const list = await caller.ask({ path: `${chatPath}?limit=5` })
  // The list is that of the API, each entry with its id.
  const { data } = JSON.parse(list.text) as { data: { id: string }[] }
  const id = data[turn % Math.max(1, data.length)]?.id
  if (id === undefined) return mustAnswer(list)
  const found = await caller.ask({ path: `${chatPath}/${id}` })
  return mustAnswer(found)
}

async function embedTogether({ caller, turn }: SoakScene): Promise<string> {
  const call = { path: '/v1/embeddings', body: { model: embedder, input: `text ${turn}` } }
  const replies = await Promise.all([caller.ask(call), caller.ask(call), caller.ask(call)])
  return replies.map((reply) => mustAnswer(reply)).find((outcome) => outcome !== 'answered') ?? 'answered'
}

const toText = (model: string, turn: number, more: object = {}): HttpCall => ({
  path: '/v1/completions',
  body: { model, prompt: `Line ${turn}`, ...more },
})

/** What is asked once and what few have asked before: the cache has both, and turns over. */
const toCached = (call: HttpCall): HttpCall => ({ ...call, headers: { 'x-llama-stack-cache': '600' } })

const lookups: readonly [string, ...string[]] = [
  '/v1/health',
  '/v1/health/ready',
  '/v1/models',
  `/v1/models/${well}`,
  '/v1/providers',
  '/v1/version',
  '/v1/inspect/routes',
  '/v1alpha/admin/response-cache',
]

const badRequests: readonly [readonly [HttpCall, number], ...(readonly [HttpCall, number])[]] = [
  [{ path: chatPath, body: '{"model": "well/bench-model", "messages": [' }, 400],
  [{ path: chatPath, body: { model: well } }, 400],
  [{ path: chatPath, body: { model: 'nobody/knows-it', messages: [{ role: 'user', content: 'Hi' }] } }, 404],
  [{ path: chatPath, body: { model: well, messages: 'Hi' } }, 400],
  [{ path: '/v1/nowhere' }, 404],
  [{ path: '/v1/models/unknown' }, 404],
]

/** Every kind of visit. */
export const soakVisits: readonly [SoakVisit, ...SoakVisit[]] = [
  { name: 'chat', weight: 17, pay: async ({ caller, turn }) => mustAnswer(await caller.ask(toChat(well, turn))) },
  {
    name: 'chat, streamed',
    weight: 13,
    pay: async ({ caller, turn }) => {
      const reply = await caller.ask(toChat(well, turn, streaming))
      return mustAnswer(reply, isWholeStream(reply))
    },
  },
  {
    name: 'chat by alias',
    weight: 12,
    pay: async ({ caller, turn }) => mustAnswer(await caller.ask(toChat(aliases[turn % aliases.length] ?? '', turn))),
  },
  {
    name: 'chat by alias, streamed',
    weight: 8,
    // A stream may break off after its first content.
    pay: async ({ caller, turn }) =>
      mayFail(await caller.ask(toChat(aliases[turn % aliases.length] ?? '', turn, streaming))),
  },
  {
    name: 'chat of a weak or mute vendor',
    weight: 5,
    pay: async ({ caller, turn }) => {
      const model = turn % 5 === 0 ? `mute/${mockModel}` : weak
      return mayFail(await caller.ask(toChat(model, turn, turn % 2 === 0 ? streaming : {})))
    },
  },
  {
    name: 'chat of a model never heard of',
    weight: 2,
    pay: async ({ caller, turn }) => mustAnswer(await caller.ask(toChat(`well/model-${turn}`, turn))),
  },
  { name: 'embeddings, three at a time', weight: 5, pay: embedTogether },
  {
    name: 'text completion',
    weight: 5,
    pay: async ({ caller, turn }) => {
      const model = turn % 4 === 3 ? weak : well
      return mayFail(await caller.ask(toText(model, turn, turn % 2 === 0 ? { stream: true } : {})))
    },
  },
  {
    name: 'cached',
    weight: 8,
    pay: async ({ caller, random, turn }) => {
      const question = random() < 0.5 ? Math.floor(random() * 50) : turn
      const reply = await caller.ask(toCached(toChat(well, question, turn % 2 === 0 ? streaming : {})))
      return mustAnswer(reply, turn % 2 === 0 ? isWholeStream(reply) : reply.status === 200)
    },
  },
  {
    name: 'leaves before or within the reply',
    weight: 6,
    pay: async ({ caller, random, turn }) => {
      await caller.leave(
        toChat(turn % 3 === 0 ? 'ordered' : well, turn, turn % 4 === 0 ? {} : streaming),
        random() * 150,
      )
      return 'answered'
    },
  },
  {
    name: 'reads slowly',
    weight: 0.5,
    pay: async ({ caller, random, turn }) => {
      await caller.dawdle(toFlood(turn), 500 + random() * 4_500)
      return 'answered'
    },
  },
  {
    name: 'sends half a request',
    weight: 1,
    pay: async ({ caller, random }) => {
      await caller.breakOff(random() * 5_000)
      return 'answered'
    },
  },
  {
    name: 'bad request',
    weight: 5,
    pay: async ({ caller, random }) => {
      const [call, status] = choose(badRequests, random)
      return mustRefuse(await caller.ask(call), status)
    },
  },
  { name: 'registers a model, asks it, deletes it', weight: 1.5, pay: registerAndDelete },
  { name: 'lists stored completions', weight: 2, pay: listAndRead },
  {
    name: 'health and lists',
    weight: 9,
    pay: async ({ caller, random }) => {
      const reply = await caller.ask({ path: choose(lookups, random) })
      // Ready or not is an answer to the question whether it is.
      return mustAnswer(reply, reply.status === 200 || reply.text.includes('server_not_ready'))
    },
  },
]
