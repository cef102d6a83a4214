import type { RequestRecord, StreamQuirks } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesStream } from '../../kernel/byte-stream.ts'
import { CompletionObserver } from './completion-observer.ts'
import { relayEmbeddings } from './relay-embeddings.ts'
import type { EmbeddingsRelayOptions } from './relay-embeddings.ts'

type Setting = Partial<Pick<EmbeddingsRelayOptions, 'format' | 'rename'>> & { readonly quirks?: StreamQuirks }

function observe(): { observer: CompletionObserver; record: RequestRecord } {
  const record: RequestRecord = {}
  const signal = new AbortController().signal
  const context = { principal: { id: 'local' }, requestId: 'req_1', signal, providerData: {}, record }
  const clock = { now: () => 0, monotonic: () => 0 }
  return { observer: new CompletionObserver({ context, clock, provider: 'vendor', providerModel: 'e' }), record }
}

/** Relays a vendor's body; gives what the client gets as text, and the record of the request. */
async function relay(body: string, { quirks = {}, ...setting }: Setting = {}) {
  const { observer, record } = observe()
  const reply = await relayEmbeddings({
    reply: { kind: 'upstream', response: { status: 200, headers: {}, body: bytesStream(Buffer.from(body)) }, quirks },
    provider: 'vendor',
    observer,
    format: 'float',
    ...setting,
  })
  if (reply.kind !== 'bytes') throw new Error(`expected bytes, got ${reply.kind}`)
  expect(reply.contentType).toBe('application/json')
  return { text: Buffer.from(reply.bytes).toString(), record }
}

const reply = (embedding: unknown): Record<string, unknown> => ({
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding }],
  model: 'e',
  usage: { prompt_tokens: 3, total_tokens: 3 },
})
const floats = fc.array(
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((float) => float + 0),
  { maxLength: 20 },
)
const toBase64 = (vector: readonly number[]): string => {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [index, float] of vector.entries()) bytes.writeFloatLE(float, index * 4)
  return bytes.toString('base64')
}

describe('a vendor’s embeddings', () => {
  test('pass as they were written where they are what was asked for', async () => {
    const odd = '{"model": "e",  "data":[{"embedding":[0.10,1e-2]}] , "vendor_field": 1}'
    expect((await relay(odd)).text).toBe(odd)
    expect((await relay(odd, { rename: 'vendor/e' })).text).toBe(odd.replace('"model": "e"', '"model":"vendor/e"'))
    const encoded = JSON.stringify(reply('AAAAAA=='))
    expect((await relay(encoded, { format: 'base64' })).text).toBe(encoded)
  })

  test('are brought into the encoding that was asked for, to the last bit', async () => {
    await fc.assert(
      fc.asyncProperty(floats, async (vector) => {
        const encoded = await relay(JSON.stringify(reply(vector)), { format: 'base64' })
        expect(JSON.parse(encoded.text)).toEqual(reply(toBase64(vector)))
        const decoded = await relay(JSON.stringify(reply(toBase64(vector))), { format: 'float' })
        expect(JSON.parse(decoded.text)).toEqual(JSON.parse(JSON.stringify(reply(vector))))
      }),
    )
  })

  test('are mended and renamed together', async () => {
    const quirks: StreamQuirks = { repair: (parsed) => ({ ...parsed, usage: { prompt_tokens: 9, total_tokens: 9 } }) }
    const { usage: _usage, ...without } = reply('AACAPw==')
    const { text, record } = await relay(JSON.stringify(without), { quirks, rename: 'mine' })
    const expected = { ...reply([1]), model: 'mine', usage: { prompt_tokens: 9, total_tokens: 9 } }
    expect(JSON.parse(text)).toEqual(expected)
    expect(record).toMatchObject({ inputTokens: 9, totalTokens: 9 })
  })

  test('are noted in the record of the request', async () => {
    const { record } = await relay(JSON.stringify(reply([1])))
    expect(record).toMatchObject({
      providerId: 'vendor',
      providerModel: 'e',
      inputTokens: 3,
      totalTokens: 3,
      attempts: [{ providerId: 'vendor', model: 'e', errorCode: null }],
    })
  })

  test.each(['<html>', '', 'null', '[]', '"text"', '{}', '{"data":{}}', '{"data":[null]}'])(
    'that are none are the vendor’s fault: %j',
    async (body) => {
      await expect(relay(body)).rejects.toMatchObject({ code: 'provider_bad_reply', details: { provider: 'vendor' } })
    },
  )
})

test('embeddings that a provider computed keep their headers', async () => {
  const { observer, record } = observe()
  const computed = {
    object: 'list' as const,
    data: [{ object: 'embedding' as const, index: 0, embedding: [1] }],
    model: 'e',
    usage: { prompt_tokens: 1, total_tokens: 1 },
  }
  const headers = { 'x-llama-stack-substitute': 'lexical' }
  const options = { provider: 'vendor', observer, format: 'float', rename: 'mine' } as const
  const relayed = await relayEmbeddings({ ...options, reply: { kind: 'value', value: computed, headers } })
  expect(relayed).toEqual({ kind: 'value', value: { ...computed, model: 'mine' }, headers })
  expect(record).toMatchObject({ inputTokens: 1, totalTokens: 1 })
})
