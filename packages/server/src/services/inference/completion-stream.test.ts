import fc from 'fast-check'
import { systemClock } from '../../kernel/clock.ts'
import { bytesStream } from '../../kernel/byte-stream.ts'
import { createSseParser } from '../../kernel/sse.ts'
import type { CallContext, RequestRecord, StackError, StreamQuirks, TextRun } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { CompletionObserver } from './completion-observer.ts'
import type { KeptReply } from './completion-observer.ts'
import { CompletionStream } from './completion-stream.ts'
import { createModelRenamer } from './rename-model.ts'
import { foldChatChunks } from './fold-chunks.ts'
import { ReplyRepair } from './repair-chunk.ts'

type Chunk = Record<string, unknown>

interface Relayed {
  readonly text: string
  readonly error: StackError | undefined
  readonly kept: KeptReply[]
  readonly record: RequestRecord
  readonly order: string[]
}

interface Setting {
  readonly quirks?: StreamQuirks
  readonly rename?: string
  readonly shape?: 'chat' | 'text'
  /** Takes events in a row. */
  readonly onRun?: (run: TextRun) => void
}

async function relay(parts: readonly Uint8Array[], setting: Setting = {}): Promise<Relayed> {
  const record: RequestRecord = {}
  const kept: KeptReply[] = []
  const order: string[] = []
  const context: CallContext = {
    principal: { id: 'local' },
    requestId: 'req_1',
    signal: new AbortController().signal,
    providerData: {},
    record,
  }
  const observer = new CompletionObserver({
    context,
    clock: systemClock,
    provider: 'vendor',
    providerModel: 'm',
    async keep(reply) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      order.push('committed')
      kept.push(reply)
    },
  })
  const stream = new CompletionStream({
    source: bytesStream(parts),
    provider: 'vendor',
    quirks: setting.quirks ?? {},
    observer,
    repair: new ReplyRepair({
      shape: setting.shape ?? 'chat',
      streamed: true,
      model: 'm',
      created: 7,
      newId: () => 'chatcmpl-new',
    }),
    ...(setting.rename === undefined ? {} : { rename: createModelRenamer(setting.rename) }),
  })
  const out: Uint8Array[] = []
  const error = await new Promise<StackError | undefined>((resolve) => {
    stream.pipe({
      data(chunk) {
        if (Buffer.from(chunk).includes('[DONE]')) order.push('done')
        out.push(chunk)
      },
      run:
        setting.onRun &&
        ((run) => {
          setting.onRun?.(run)
          out.push(Buffer.from(run.toText(), 'latin1'))
        }),
      end: () => resolve(undefined),
      fail: resolve,
    })
  })
  return { text: Buffer.concat(out).toString(), error, kept, record, order }
}

const chunk = (delta: Chunk, more: Chunk = {}): Chunk => ({
  id: 'c1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, finish_reason: null }],
  ...more,
})
const last: Chunk = chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
const usage: Chunk = chunk({}, { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })
const sse = (chunks: readonly Chunk[], done = true): string =>
  chunks.map((one) => `data: ${JSON.stringify(one)}\n\n`).join('') + (done ? 'data: [DONE]\n\n' : '')

function cut(text: string, at: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((start, index) => bytes.subarray(start, [...places, bytes.length][index]))
}

function events(text: string): Chunk[] {
  const found: Chunk[] = []
  const parser = createSseParser(({ data }) => {
    if (data !== '[DONE]') found.push(JSON.parse(data) as Chunk)
  })
  parser.push(Buffer.from(text))
  parser.end()
  return found
}

describe('a sink that takes runs', () => {
  const deltas = ['grün', ' "and"\n', '', ' so', ' on', '!'].map((content) => chunk({ content }))
  const thoughts = ['Well', ', well'].map((reasoning_content) => chunk({ reasoning_content }))
  const whole = sse([chunk({ role: 'assistant', content: '' }), ...thoughts, ...deltas, ...deltas, last, usage])

  test('is given what others are, wherever the stream is cut', async () => {
    const wanted = await relay([Buffer.from(whole)], { rename: 'acme/m' })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat()), async (places) => {
        const onRun = (run: TextRun): void => {
          const { choice, member, texts } = run
          runs += 1
          const said = events(Buffer.from(run.toText(), 'latin1').toString()).map((event) => {
            const [{ index, delta }] = event['choices'] as [{ index: number; delta: Record<string, string> }]
            return [index, delta[member]]
          })
          const read = texts.map((raw) => JSON.parse(`"${Buffer.from(raw, 'latin1').toString()}"`) as string)
          expect(said).toEqual(read.map((text) => [choice, text]))
        }
        const { text, error, kept } = await relay(cut(whole, places), { rename: 'acme/m', onRun })
        expect([text, error]).toEqual([wanted.text, undefined])
        expect(foldChatChunks(events(Buffer.concat(kept[0]?.bytes ?? []).toString()))).toEqual(
          foldChatChunks(events(wanted.text)),
        )
      }),
    )
    expect(runs).toBeGreaterThan(50)
  })
})

describe('a well-formed stream', () => {
  const wanted = sse([chunk({ role: 'assistant', content: '' }), chunk({ content: 'Zürich 🏔️ "quoted" \\ \n' }), last])

  test('is relayed byte for byte, wherever the network cuts it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(wanted.length * 2), { maxLength: 12 }), async (places) => {
        const { text, error, kept } = await relay(cut(wanted, places))
        expect(error).toBeUndefined()
        expect(text).toBe(wanted)
        expect(Buffer.concat(kept[0]?.bytes ?? []).toString()).toBe(wanted.replace('data: [DONE]\n\n', ''))
      }),
      { numRuns: 60 },
    )
  })

  test('is kept as fewer events that say the same, wherever the network cuts it', async () => {
    const piece = fc.oneof(
      fc.string().map((content) => chunk({ content })),
      fc.constantFrom(' fox', 'Zürich 🏔️', 'a "quote"').map((content) => chunk({ content })),
      fc.constantFrom('so', 'hm').map((thought) => chunk({ content: null, reasoning_content: thought })),
      fc.constant(chunk({ content: 'x', channel: 'final' })),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat()), async (pieces, places) => {
        const sent = sse([...pieces, last])
        const { text, kept } = await relay(cut(sent, places))
        expect(text).toBe(sent)
        const stored = Buffer.concat(kept[0]?.bytes ?? []).toString()
        expect(foldChatChunks(events(stored))).toEqual(foldChatChunks(events(sent)))
      }),
      { numRuns: 60 },
    )
  })

  test('is committed before [DONE]', async () => {
    expect((await relay([Buffer.from(wanted)])).order).toEqual(['committed', 'done'])
  })

  test('gets its [DONE] when the vendor forgets it', async () => {
    expect((await relay([Buffer.from(sse([chunk({ content: 'a' }), last], false))])).text).toMatch(
      /data: \[DONE\]\n\n$/,
    )
  })

  test('says the model as it was asked for, cut anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(wanted.length * 2), { maxLength: 6 }), async (places) => {
        const { text } = await relay(cut(wanted, places), { rename: 'vendor/m' })
        expect(events(text).map(({ model }) => model)).toEqual(['vendor/m', 'vendor/m', 'vendor/m'])
      }),
      { numRuns: 30 },
    )
  })
})

describe('a sloppy stream [B006]', () => {
  test('gets the fields it left out', async () => {
    const sloppy = [
      { choices: null },
      { choices: [{ delta: { content: 'a' } }] },
      { choices: [{ delta: null, finish_reason: 'stop' }] },
    ]
    const [first, second, third] = events((await relay([Buffer.from(sse(sloppy))])).text)
    expect(first).toEqual({ id: 'chatcmpl-new', object: 'chat.completion.chunk', created: 7, model: 'm', choices: [] })
    expect(second?.['choices']).toEqual([{ index: 0, delta: { content: 'a' }, finish_reason: null }])
    expect(third?.['choices']).toEqual([{ index: 0, delta: {}, finish_reason: 'stop' }])
  })

  test('gets indexes for its tool calls', async () => {
    const call = (id: string | undefined, args: string): Chunk =>
      chunk({ tool_calls: [{ ...(id === undefined ? {} : { id, type: 'function' }), function: { arguments: args } }] })
    const { text } = await relay([Buffer.from(sse([call('a', '{'), call(undefined, '}'), call('b', '{}'), last]))])
    const indexes = events(text)
      .slice(0, 3)
      .map((event) =>
        JSON.stringify(event)
          .match(/"index":(\d),?"?|"index":(\d)}]}/g)
          ?.at(-1),
      )
    expect(indexes.map((found) => found?.match(/\d/)?.[0])).toEqual(['0', '0', '1'])
  })

  test('loses its comments and CRLFs, not its content', async () => {
    const crlf = `: OPENROUTER PROCESSING\r\n\r\nevent: message\r\ndata: ${JSON.stringify(chunk({ content: 'x' }))}\r\n\r\ndata: ${JSON.stringify(last)}\r\n\r\n`
    const { text, error } = await relay(cut(crlf, [10, 27, 60]))
    expect(error).toBeUndefined()
    expect(text).toBe(sse([chunk({ content: 'x' }), last]))
  })
})

describe('usage [B003]', () => {
  test('is noted for the request log and left to the client who asked', async () => {
    const { text, record } = await relay([Buffer.from(sse([chunk({ content: 'a' }), last, usage]))])
    expect(events(text)).toHaveLength(3)
    expect(record).toMatchObject({ inputTokens: 3, outputTokens: 2, totalTokens: 5 })
  })

  test('is taken out when only the server asked', async () => {
    const { text, record } = await relay([Buffer.from(sse([chunk({ content: 'a' }), last, usage]))], {
      quirks: { stripUsageChunk: true },
    })
    expect(events(text)).toHaveLength(2)
    expect(record.totalTokens).toBe(5)
  })
})

describe('a broken stream [B004]', () => {
  test('that ends before the answer does is an error, and is not kept', async () => {
    const { error, kept, record } = await relay([Buffer.from(sse([chunk({ content: 'a' })], false))])
    expect(error?.code).toBe('provider_stream_broken')
    expect(kept).toEqual([])
    expect(record.attempts?.[0]?.errorCode).toBe('provider_stream_broken')
  })

  test('with an error event carries the vendor’s words', async () => {
    const failing = 'data: {"error":{"message":"overloaded","code":"503"}}\n\n'
    const { error } = await relay([Buffer.from(sse([chunk({ content: 'a' })], false) + failing)])
    expect(error).toMatchObject({ code: 'provider_internal', details: { reason: 'overloaded', status: 503 } })
  })

  test.each(['<html>', '', 'null', '5', '"text"', '[]'])(
    'with an event that is no JSON object is an error: %j',
    async (data) => {
      const { error } = await relay([Buffer.from(`data: ${data}\n\n`)])
      expect(error?.code).toBe('provider_stream_broken')
    },
  )
})

describe('what came before a failure', () => {
  const failed = `data: ${JSON.stringify({ error: { message: 'Out of tokens.', code: 503 } })}\n\n`
  const said = sse([chunk({ role: 'assistant', content: 'a' }), chunk({ content: 'b' })], false)

  test.each([
    ['an error', failed, 'Out of tokens.'],
    ['what is no JSON', 'data: oops\n\n', 'not a JSON object'],
  ])('is relayed though %s came with it', async (_about, ending, message) => {
    const { text, error } = await relay([Buffer.from(said + ending + sse([last]))])
    expect(text).toBe(said)
    expect(error?.message).toContain(message)
  })

  test('is all that is relayed of a stream that ends within an event, wherever that is', async () => {
    const whole = sse([chunk({ content: 'a' }), chunk({ content: 'b' }), chunk({ content: 'to be cut' })], false)
    const begin = sse([chunk({ content: 'a' }), chunk({ content: 'b' })], false)
    // Without its line ends the last event is still whole.
    for (let end = begin.length + 1; end < whole.length - 2; end += 1) {
      const { text, error } = await relay([Buffer.from(begin), Buffer.from(whole.slice(begin.length, end))])
      expect(text).toBe(begin)
      expect(error?.code).toBe('provider_stream_broken')
    }
  })
})

test('an empty event keeps the connection alive and is not relayed', async () => {
  const { text, error } = await relay([Buffer.from(`data:\n\ndata: \n\n${sse([chunk({ content: 'a' }), last])}`)])
  expect(error).toBeUndefined()
  expect(events(text)).toHaveLength(2)
})

test('an event in many pieces is put together in time that grows with its size only', async () => {
  const text = sse([chunk({ content: 'x'.repeat(10 * 1024 * 1024) }), last])
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 4096) }, (_, at) =>
    bytes.subarray(at * 4096, (at + 1) * 4096),
  )
  const started = performance.now()
  const { error, text: relayed } = await relay(pieces)
  expect(error).toBeUndefined()
  expect(relayed).toBe(text)
  // Quadratic work would take more than ten seconds.
  expect(performance.now() - started).toBeLessThan(3000)
})
