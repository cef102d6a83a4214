/** The Responses API asked over either door, every reply and event held against its schemas. */
import type { CreateResponseRequest, ResponseEvent, ResponseObject } from '@llama-stack/api'
import { foldResponseEvents } from '../../packages/server/src/testing/fold-response-events.ts'
import { checkEvent, checkResponse } from './responses-schemas.ts'
import type { Fields } from './responses-schemas.ts'
import { createScriptedModel } from './scripted-model.ts'
import type { ScriptedModel } from './scripted-model.ts'
import { withStack } from './stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from './stack-under-test.ts'

export interface ResponsesScene extends UnderTest {
  readonly model: ScriptedModel
  /** Asks for a response that does not stream; rejects where it is not answered with 200. */
  ask(request: ResponseQuestion, headers?: Headers): Promise<ResponseObject>
  /** The same as events, folded and held against their end. */
  stream(request: ResponseQuestion, headers?: Headers): Promise<StreamedResponse>
  /** What a request is refused with. */
  refusal(request: ResponseQuestion, headers?: Headers): Promise<Refusal>
  /** `GET /v1/responses/{id}`. */
  fetchResponse(id: string, headers?: Headers): Promise<ResponseObject>
  /** `GET /v1/responses/{id}?stream=true`, as JSON texts. */
  replay(id: string, after?: number): Promise<readonly string[]>
}

type Headers = Readonly<Record<string, string>>

/** A request; its model is the scripted one. */
export type ResponseQuestion = Omit<Partial<CreateResponseRequest>, 'model'> & Readonly<Record<string, unknown>>

export interface StreamedResponse {
  readonly events: readonly ResponseEvent[]
  /** The events as JSON texts. */
  readonly texts: readonly string[]
  /** As the last event has it. */
  readonly response: ResponseObject
  readonly headers: globalThis.Headers
}

export interface Refusal {
  readonly status: number
  readonly code: string | null
  readonly param: string | null
  readonly message: string
}

export async function withResponses(
  options: UnderTestOptions,
  scenario: (scene: ResponsesScene) => Promise<void>,
): Promise<void> {
  const model = createScriptedModel()
  const routes = { 'POST /v1/chat/completions': model.route, ...options.routes }
  await withStack({ ...options, routes }, (under) => scenario(toScene(under, model)))
}

function toScene(under: UnderTest, model: ScriptedModel): ResponsesScene {
  const post = (request: ResponseQuestion, headers: Headers = {}): Promise<Response> =>
    under.call('POST /v1/responses', { model: 'vendor/m1', ...request }, headers)
  return {
    ...under,
    model,
    async ask(request, headers) {
      const reply = await post(request, headers)
      return readResponse(reply)
    },
    async stream(request, headers) {
      const reply = await post({ ...request, stream: true }, headers)
      if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`)
      const texts = await readEvents(reply)
      return { ...checkStream(texts), texts, headers: reply.headers }
    },
    async refusal(request, headers) {
      const reply = await post(request, headers)
      // OpenAI's envelope, or the test fails on what it lacks.
      const { error } = (await reply.json()) as { error: Omit<Refusal, 'status'> }
      return { status: reply.status, code: error.code, param: error.param, message: error.message }
    },
    async fetchResponse(id, headers) {
      return readResponse(await under.call(`GET /v1/responses/${id}`, undefined, headers))
    },
    async replay(id, after) {
      const from = after === undefined ? '' : `&starting_after=${after}`
      const reply = await under.call(`GET /v1/responses/${id}?stream=true${from}`)
      if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`)
      return readEvents(reply)
    },
  }
}

async function readResponse(reply: Response): Promise<ResponseObject> {
  const text = await reply.text()
  if (reply.status !== 200) throw new Error(`${reply.status}: ${text}`)
  // Checked below.
  const response = JSON.parse(text) as ResponseObject
  checkResponse(response)
  return response
}

/** The data of the events, each behind a line that names its type; nothing else may be there, `[DONE]` included. */
export async function readEvents(reply: Response): Promise<string[]> {
  const frames = (await reply.text()).split('\n\n')
  if (frames.pop() !== '') throw new Error('the stream does not end with an empty line')
  return frames
    .filter((frame) => !frame.startsWith(':'))
    .map((frame) => {
      const [, type, json = ''] = /^event: (\S+)\ndata: ([^\n]*)$/.exec(frame) ?? []
      if (type === undefined || (JSON.parse(json) as Fields)['type'] !== type) throw new Error(`no event: ${frame}`)
      return json
    })
}

const END = new Set(['response.completed', 'response.incomplete', 'response.failed'])

/** Throws where events contradict themselves, the schemas, or the response at their end. */
export function checkStream(texts: readonly string[]): Pick<StreamedResponse, 'events' | 'response'> {
  const events = texts.map((text) => JSON.parse(text) as ResponseEvent)
  for (const [index, event] of events.entries()) {
    checkEvent(event)
    if (event['sequence_number'] !== index) throw new Error(`event ${index} has another number: ${texts[index]}`)
    if (END.has(event.type) !== (index === events.length - 1))
      throw new Error(`${event.type} is not the one at the end`)
  }
  const last = events.at(-1)
  if (last === undefined || !('response' in last)) throw new Error('the stream has no end')
  const told = last.response as ResponseObject
  const { response, open } = foldResponseEvents(events)
  if (open.length > 0) throw new Error(`items are never done: ${JSON.stringify(open)}`)
  if (JSON.stringify(response['output']) !== JSON.stringify(told.output)) {
    throw new Error(
      `the events fold to ${JSON.stringify(response['output'])}, the end has ${JSON.stringify(told.output)}`,
    )
  }
  return { events, response: told }
}
