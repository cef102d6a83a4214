import { ResponsesWS } from 'openai/resources/responses/ws'
import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import OpenAI6 from 'openai6'
import { ResponsesWS as ResponsesWS6 } from 'openai6/resources/responses/ws'
import { describe, expect, test } from 'vitest'
import type { UnderTest } from '../scenarios/stack-under-test.ts'
import { MODEL, toOpenAi, withResponses } from './responses-rig.ts'

const clients = [
  ['openai 7', (under: UnderTest) => new ResponsesWS(toOpenAi(under))],
  [
    'openai 6',
    // Both majors have the members that are called here.
    ({ url }: UnderTest) =>
      new ResponsesWS6(new OpenAI6({ baseURL: `${url}/v1`, apiKey: 'none' })) as unknown as ResponsesWS,
  ],
] as const

const isEnd = ({ type }: ResponseStreamEvent): boolean => type === 'response.completed'

/** Sends a request, and hears what comes until the response or the request has ended. */
async function ask(socket: ResponsesWS, request: object): Promise<ResponseStreamEvent[]> {
  const events: ResponseStreamEvent[] = []
  const told = socket.stream()
  socket.send({ type: 'response.create', model: MODEL, ...request })
  for await (const { type, ...rest } of told) {
    if (type === 'error') throw (rest as { error: unknown }).error
    if (type !== 'message') continue
    const { message } = rest as { message: ResponseStreamEvent }
    events.push(message)
    if (isEnd(message)) break
  }
  return events
}

function textOf(events: readonly ResponseStreamEvent[]): string {
  return events.flatMap((event) => (event.type === 'response.output_text.delta' ? [event.delta] : [])).join('')
}

describe.each(clients)('%s, over a WebSocket [B110]', (_name, open) => {
  test('creates one response after another on a connection', async () => {
    await withResponses({ door: 'socket' }, async (under) => {
      const socket = open(under)
      try {
        const first = await ask(socket, { input: 'I am Ann' })
        expect(first[0]?.type).toBe('response.created')
        const end = first.at(-1)
        const previous = end?.type === 'response.completed' ? end.response.id : undefined
        const second = await ask(socket, { input: 'Who am I?', previous_response_id: previous })
        expect(textOf(second)).toBe('I heard: I am Ann / Who am I?.')
      } finally {
        socket.close()
      }
    })
  })

  test('hears why a request is refused, and goes on', async () => {
    await withResponses({ door: 'socket' }, async (under) => {
      const socket = open(under)
      try {
        await expect(ask(socket, { model: 'nobody', input: 'Hi' })).rejects.toMatchObject({
          message: expect.stringContaining('nobody'),
        })
        expect(textOf(await ask(socket, { input: 'Hi' }))).toBe('I heard: Hi.')
      } finally {
        socket.close()
      }
    })
  })
})
