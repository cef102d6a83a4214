import { describe, expect, it } from 'vitest'
import { StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream, Reply } from '@llama-stack/api'
import { bytesStream } from '../kernel/byte-stream.ts'
import { createSampleApp } from './sample-app.ts'
import type { RespondOperation } from './sample-app.ts'

const doors = ['socket', 'stack.fetch'] as const
const broken = new StackError('provider_stream_broken', { provider: 'p', reason: 'it went away' })

/** The text of a streamed response, whose source is the test's. */
async function read(door: (typeof doors)[number], reply: Reply<unknown, unknown>): Promise<string> {
  const respond: RespondOperation = () => Promise.resolve(reply)
  await using sample = createSampleApp({ respond })
  const base = door === 'socket' ? await sample.listen() : 'http://127.0.0.1'
  const call: (url: string, init: object) => Promise<Response> = door === 'socket' ? fetch : sample.app.fetch
  const body = JSON.stringify({ model: 'm', input: 'hi', stream: true })
  const headers = { 'content-type': 'application/json' }
  return (await call(`${base}/v1/responses`, { method: 'POST', headers, body })).text()
}

/** A stream that says its chunks and fails. */
function failing(chunks: readonly string[], how: 'bytes' | 'text'): Reply<never> {
  const push = (sink: ByteSink, chunk: string): void => {
    if (how === 'text') sink.text?.(chunk)
    else sink.data(Buffer.from(chunk))
  }
  const stream: ByteStream = {
    ...bytesStream([]),
    pipe(sink) {
      for (const chunk of chunks) push(sink, chunk)
      // Later than the head of the reply: before it, a status is possible still.
      queueMicrotask(() => sink.fail(broken))
    },
  }
  return { kind: 'stream', stream, contentType: 'text/event-stream' }
}

const frame = (type: string, number: number): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, delta: '"sequence_number":99' })}\n\n`

function errorEvent(number: number): string {
  const event = {
    type: 'error',
    code: 'provider_stream_broken',
    message: broken.message,
    param: null,
    sequence_number: number,
  }
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`
}

describe.each(doors)('named events through %s', (door) => {
  it('carry the name of their type, and end without [DONE]', async () => {
    async function* events() {
      yield { type: 'response.created', sequence_number: 0 }
      yield { type: 'response.completed', sequence_number: 1 }
    }
    expect(await read(door, { kind: 'events', events: events() })).toBe(
      'event: response.created\ndata: {"type":"response.created","sequence_number":0}\n\n' +
        'event: response.completed\ndata: {"type":"response.completed","sequence_number":1}\n\n',
    )
  })

  it('end with an error event of the next number when their source throws', async () => {
    async function* events() {
      yield { type: 'response.created', sequence_number: 11 }
      throw broken
    }
    expect(await read(door, { kind: 'events', events: events() })).toBe(
      `event: response.created\ndata: {"type":"response.created","sequence_number":11}\n\n${errorEvent(12)}`,
    )
  })

  it.each(['bytes', 'text'] as const)('that are relayed as %s fail with the next number', async (how) => {
    expect(await read(door, failing([], how))).toBe(errorEvent(0))
    const both = frame('a', 6) + frame('b', 7)
    expect(await read(door, failing([both], how))).toBe(both + errorEvent(8))
  })

  it('that break off in an event go on behind the last whole one', async () => {
    const cut = 'event: b\ndata: {"type":"b","sequence_number":1'
    expect(await read(door, failing([frame('a', 4), cut], 'text'))).toBe(`${frame('a', 4)}${cut}\n\n${errorEvent(5)}`)
  })
})
