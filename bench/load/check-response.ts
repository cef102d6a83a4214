import { sendOnce } from '../harness/http-once.ts'
import { toStreamText } from '../mock/bodies.ts'
import { toolArguments } from '../mock/tool-call.ts'
import type { Endpoint } from '../targets/target.ts'

/** Where our server takes requests for responses. */
export const responsesPath = '/v1/responses'

/** With what the data of a response's last event begins. */
export const lastResponseEvent = '{"type":"response.completed"'

/** A request for a response, and what has to come back. */
export type ResponseCall = {
  readonly body: string
  /** The kinds of the output's items, in their order. */
  readonly items: readonly string[]
  /** Content events that the mock sends for a text. */
  readonly events: number
}

/** What came back: what is wrong with it, if anything is. */
export type CheckedResponse = {
  readonly fault: string | undefined
  readonly id: string
  /** How many events there were; 0 where the request did not stream. */
  readonly events: number
}

type ResponseObject = {
  readonly id?: string
  readonly status?: string
  readonly output?: readonly {
    readonly type?: string
    readonly status?: string
    readonly output?: string | null
    readonly arguments?: string
    readonly content?: readonly { readonly text?: string }[]
  }[]
  readonly usage?: { readonly total_tokens?: number } | null
}

type ResponseEvent = {
  readonly type?: string
  readonly sequence_number?: number
  readonly delta?: string
  readonly response?: ResponseObject
}

/** Asks once and compares all that a client would see with what the mocks sent. */
export async function checkResponse(endpoint: Endpoint, call: ResponseCall): Promise<CheckedResponse> {
  const { port, headers } = endpoint
  const reply = await sendOnce({ port, path: responsesPath, headers, body: call.body })
  if (reply.status !== 200) return { fault: `status ${reply.status}: ${reply.body.slice(0, 200)}`, id: '', events: 0 }
  if (reply.body.startsWith('event: ')) return checkEvents(reply.body, call)
  // Only ever read through optional fields, so a foreign shape shows as a difference.
  const response = JSON.parse(reply.body) as ResponseObject
  return { fault: findObjectFault(response, call), id: response.id ?? '', events: 0 }
}

/** The events of the stream: named twice, numbered without gaps, the text in as many pieces as the model gave. */
export function checkEvents(stream: string, call: ResponseCall): CheckedResponse {
  const frames = stream.split('\n\n')
  const rest = frames.pop()
  const events = frames.map((frame) => {
    const [, name, data = '{}'] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? []
    // As above.
    return { name, event: JSON.parse(data) as ResponseEvent }
  })
  const response = events.at(-1)?.event.response ?? {}
  const deltas = events.flatMap(({ name, event }) => (name === 'response.output_text.delta' ? [event.delta] : []))
  const findFault = (): string | undefined => {
    if (rest !== '') return 'the stream ends within an event'
    if (events.some(({ name, event }) => name === undefined || name !== event.type)) return 'an event without its name'
    if (events.some(({ event }, index) => event.sequence_number !== index)) return 'the numbers of the events have gaps'
    if (events.at(-1)?.name !== 'response.completed') return 'the last event is not response.completed'
    if (deltas.length !== call.events - 1)
      return `${deltas.length} pieces of text for the ${call.events - 1} of the mock`
    if (deltas.join('') !== toStreamText(call.events)) return 'the pieces of text do not add up to what the mock sent'
    return findObjectFault(response, call)
  }
  return { fault: findFault(), id: response.id ?? '', events: events.length }
}

function findObjectFault(response: ResponseObject, call: ResponseCall): string | undefined {
  const { status, output = [], usage } = response
  if (status !== 'completed') return `the response is ${status}: ${JSON.stringify(response).slice(0, 200)}`
  const kinds = output.map(({ type }) => type).join(', ')
  if (kinds !== call.items.join(', ')) return `the output is ${kinds}, not ${call.items.join(', ')}`
  const told = output.filter(({ type }) => type === 'mcp_call')
  if (told.some((item) => item.arguments !== toolArguments)) return 'the arguments are not those of the mock'
  if (told.some((item) => item.output !== toolArguments)) return 'the tool did not say what it was told'
  if (output.at(-1)?.content?.[0]?.text !== toStreamText(call.events)) return 'the text is not the text of the mock'
  return (usage?.total_tokens ?? 0) > call.events ? undefined : 'the usage is missing'
}
