import type { ChatCompletion, ChatCompletionChunk, UpstreamResponse } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesStream } from '../../kernel/byte-stream.ts'
import { sseData } from '../../kernel/sse.ts'
import { foldChatChunks } from '../../services/inference/fold-chunks.ts'
import { GeminiReply } from './_gemini-reply.ts'
import type { ReplyFacts } from './_gemini-reply.ts'
import { openGeminiStream } from './_gemini-stream.ts'

function toFacts(more: Partial<ReplyFacts> = {}): ReplyFacts {
  let calls = 0
  return {
    provider: 'vertexai',
    model: 'gemini-2.5-flash',
    created: 1_760_000_000,
    newId: () => 'chatcmpl-made-up',
    newCallId: () => `call_${(calls += 1)}`,
    keepSignature: () => undefined,
    singleCall: false,
    wantsUsage: true,
    ...more,
  }
}

const toCompletion = (reply: object, facts = toFacts()): ChatCompletion =>
  new GeminiReply(facts).toCompletion({ ...reply })

const toBytes = (pieces: readonly unknown[]): Buffer =>
  Buffer.from(pieces.map((piece) => sseData(JSON.stringify(piece))).join(''))

const toResponse = (chunks: Uint8Array | readonly Uint8Array[]): UpstreamResponse => ({
  status: 200,
  headers: {},
  body: bytesStream(chunks),
})

const chunksOf = async (pieces: readonly unknown[], facts = toFacts()): Promise<readonly ChatCompletionChunk[]> =>
  Array.fromAsync(await openGeminiStream(toResponse(toBytes(pieces)), facts))

const usageMetadata = {
  promptTokenCount: 10,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 7,
  toolUsePromptTokenCount: 2,
  cachedContentTokenCount: 4,
  totalTokenCount: 24,
  trafficType: 'ON_DEMAND',
}
const usage = {
  prompt_tokens: 12,
  completion_tokens: 12,
  total_tokens: 24,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 7 },
}
const head = { responseId: 'r1', createTime: '2025-10-09T08:53:21.5Z', modelVersion: 'gemini-2.5-flash' }

/** A whole reply of one candidate. */
const reply = (parts: readonly object[], finishReason: string | undefined = 'STOP', more: object = {}): object => ({
  ...head,
  candidates: [{ content: { role: 'model', parts }, finishReason, index: 0, ...more }],
  usageMetadata,
})

describe('a whole reply', () => {
  test('becomes a completion', () => {
    const parts = [{ text: 'Let me see.', thought: true }, { text: 'Blue ' }, { text: 'sky.', thoughtSignature: 's1' }]
    expect(toCompletion(reply(parts))).toEqual({
      id: 'chatcmpl-r1',
      object: 'chat.completion',
      created: 1_760_000_001,
      model: 'gemini-2.5-flash',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'Blue sky.',
            reasoning_content: 'Let me see.',
            extra_content: { google: { thought_signature: 's1' } },
          },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage,
    })
  })

  test('has tool calls with ids and the signature of the first', () => {
    const kept: [string, string][] = []
    const facts = toFacts({ keepSignature: (...pair) => kept.push(pair) })
    const parts = [
      { functionCall: { name: 'weather', args: { city: 'Rome' } }, thoughtSignature: 's1' },
      { functionCall: { name: 'time', id: 'vendor-id' } },
    ]
    expect(toCompletion(reply(parts), facts).choices[0]).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'call_1',
            type: 'function',
            function: { name: 'weather', arguments: '{"city":"Rome"}' },
            extra_content: { google: { thought_signature: 's1' } },
          },
          { id: 'vendor-id', type: 'function', function: { name: 'time', arguments: '{}' } },
        ],
      },
      logprobs: null,
      finish_reason: 'tool_calls',
    })
    expect(kept).toEqual([['call_1', 's1']])
  })

  test('has one call where parallel ones are not wanted', () => {
    const parts = [{ functionCall: { name: 'a' } }, { functionCall: { name: 'b' } }]
    const [choice] = toCompletion(reply(parts), toFacts({ singleCall: true })).choices
    expect(choice?.message.tool_calls?.map((call) => call.function?.name)).toEqual(['a'])
  })

  test('has as many choices as candidates, in their order', () => {
    const candidate = (index: number): object => ({
      index,
      content: { parts: [{ text: `${index}` }] },
      finishReason: 'STOP',
    })
    const { choices } = toCompletion({ candidates: [candidate(1), candidate(0)] })
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, '0'],
      [1, '1'],
    ])
  })

  test('has log probabilities', () => {
    const logprobsResult = {
      chosenCandidates: [{ token: 'é', tokenId: 1, logProbability: -0.5 }],
      topCandidates: [
        {
          candidates: [
            { token: 'é', logProbability: -0.5 },
            { token: 'e', logProbability: -1 },
          ],
        },
      ],
    }
    expect(toCompletion(reply([{ text: 'é' }], 'STOP', { logprobsResult })).choices[0]?.logprobs).toEqual({
      content: [
        {
          token: 'é',
          logprob: -0.5,
          bytes: [195, 169],
          top_logprobs: [
            { token: 'é', logprob: -0.5, bytes: [195, 169] },
            { token: 'e', logprob: -1, bytes: [101] },
          ],
        },
      ],
      refusal: null,
    })
  })

  test.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['OTHER', 'stop'],
    ['MALFORMED_FUNCTION_CALL', 'stop'],
  ])('that ends with %s ends with %s', (theirs, ours) => {
    expect(toCompletion(reply([{ text: 'x' }], theirs)).choices[0]?.finish_reason).toBe(ours)
  })

  test('that the filter emptied is a choice without content', () => {
    expect(toCompletion({ candidates: [{ finishReason: 'SAFETY' }] }).choices[0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: null },
      logprobs: null,
      finish_reason: 'content_filter',
    })
  })

  test.each<readonly [object, string, string]>([
    [
      { promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'Not that.' } },
      'provider_content_policy',
      'The prompt was blocked (SAFETY): Not that.',
    ],
    [{}, 'provider_bad_reply', 'no candidate'],
    [
      { candidates: [{ finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'print(x)' }] },
      'provider_bad_reply',
      'MALFORMED_FUNCTION_CALL: print(x)',
    ],
  ])('%j fails with %s', (said, code, words) => {
    expect(() => toCompletion(said)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }))
  })
})

describe('a stream', () => {
  const pieces = [
    { ...head, candidates: [{ content: { parts: [{ text: 'Hm.', thought: true }] } }] },
    { ...head, candidates: [{ content: { parts: [{ text: 'Blue' }] } }], usageMetadata: { promptTokenCount: 1 } },
    reply([{ text: '', thoughtSignature: 's1' }]),
  ]

  test('becomes chunks: the role first, the end and the usage last', async () => {
    const chunk = (choices: readonly object[], more: object = { usage: null }): object => ({
      id: 'chatcmpl-r1',
      object: 'chat.completion.chunk',
      created: 1_760_000_001,
      model: 'gemini-2.5-flash',
      choices,
      ...more,
    })
    const piece = (delta: object, finish: string | null = null): object => ({
      index: 0,
      delta,
      logprobs: null,
      finish_reason: finish,
    })
    expect(await chunksOf(pieces)).toEqual([
      chunk([piece({ role: 'assistant', reasoning_content: 'Hm.' })]),
      chunk([piece({ content: 'Blue' })]),
      chunk([piece({ extra_content: { google: { thought_signature: 's1' } } }, 'stop')]),
      chunk([], { usage }),
    ])
  })

  test('tells of usage that nobody asked for in one chunk of its own, if it knows any', async () => {
    const chunks = await chunksOf(pieces, toFacts({ wantsUsage: false }))
    expect(chunks).toHaveLength(4)
    expect(chunks.map((chunk) => 'usage' in chunk)).toEqual([false, false, false, true])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage })
    const uncounted = [{ ...head, candidates: [{ content: { parts: [{ text: 'Blue' }] }, finishReason: 'STOP' }] }]
    const [last, ...others] = (await chunksOf(uncounted, toFacts({ wantsUsage: false }))).toReversed()
    expect([last?.choices[0]?.finish_reason, others.length]).toEqual(['stop', 1])
  })

  test('whose finish reason comes with every piece ends once', async () => {
    const chunks = await chunksOf([reply([{ text: 'a' }]), reply([{ text: 'b' }])])
    expect(chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason))).toEqual([null, null, 'stop'])
  })

  test.each<readonly [string, readonly unknown[], object]>([
    ['a refused prompt', [{ promptFeedback: { blockReason: 'OTHER' } }], { code: 'provider_content_policy' }],
    [
      'an error',
      [{ error: { code: 429, message: 'Resource exhausted.', status: 'RESOURCE_EXHAUSTED' } }],
      { code: 'provider_rate_limited', details: expect.objectContaining({ vendorCode: 'RESOURCE_EXHAUSTED' }) },
    ],
    [
      'an error in an array',
      [[{ error: { code: 503, message: 'Busy.' } }]],
      { code: 'provider_internal', status: 503 },
    ],
    ['no JSON object', [[]], { code: 'provider_bad_reply' }],
    ['nothing', [], { code: 'provider_bad_reply' }],
    ['nothing but an empty piece', [{ candidates: [{}] }], { code: 'provider_stream_broken' }],
  ])('that begins with %s fails before it is given back', async (_, said, failure) => {
    await expect(openGeminiStream(toResponse(toBytes(said)), toFacts())).rejects.toMatchObject(failure)
  })

  test('that is not JSON fails', async () => {
    const opened = openGeminiStream(toResponse(Buffer.from('data: <html>\n\n')), toFacts())
    await expect(opened).rejects.toMatchObject({ code: 'provider_bad_reply' })
  })

  test('that fails later tells what came before', async () => {
    const error = { error: { code: 500, message: 'Internal.', status: 'INTERNAL' } }
    const seen: unknown[] = []
    const reading = async (): Promise<void> => {
      const stream = await openGeminiStream(toResponse(toBytes([...pieces.slice(0, 2), error])), toFacts())
      for await (const chunk of stream) seen.push(chunk)
    }
    await expect(reading()).rejects.toMatchObject({ code: 'provider_internal' })
    expect(seen).toHaveLength(2)
  })

  test('that ends without a reason broke off', async () => {
    await expect(chunksOf(pieces.slice(0, 2))).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })
})

/** Parts of one candidate; a text part may be cut anywhere. */
const part = fc.oneof(
  fc.record({ text: fc.string({ unit: 'grapheme' }) }),
  fc.record({ text: fc.string(), thought: fc.constant(true) }),
  fc.record({ text: fc.string(), thoughtSignature: fc.base64String({ minLength: 4 }) }),
  fc.record({
    functionCall: fc.record({ name: fc.string({ minLength: 1 }), args: fc.dictionary(fc.string(), fc.jsonValue()) }),
  }),
  fc.record({
    functionCall: fc.record({ name: fc.string({ minLength: 1 }) }),
    thoughtSignature: fc.base64String({ minLength: 4 }),
  }),
)
const candidates = fc.array(fc.array(part, { maxLength: 6 }), { minLength: 1, maxLength: 3 })
const reason = fc.constantFrom('STOP', 'MAX_TOKENS', 'SAFETY')

describe('laws', () => {
  test('folding the stream gives the completion', async () => {
    await fc.assert(
      fc.asyncProperty(candidates, reason, async (spoken, finishReason) => {
        const whole = {
          ...head,
          candidates: spoken.map((parts, index) => ({ index, content: { parts }, finishReason })),
          usageMetadata,
        }
        // One part in each piece, the candidates one after the other as ids of calls are made up in that order.
        const pieces = spoken.flatMap((parts, index) =>
          parts.map((one) => ({ ...head, candidates: [{ index, content: { parts: [one] } }] })),
        )
        const ends = spoken.map((_, index) => ({ index, finishReason }))
        const chunks = await chunksOf([...pieces, { ...head, candidates: ends, usageMetadata }])
        expect(foldChatChunks(chunks.map((chunk) => ({ ...chunk })))).toEqual(toCompletion(whole))
      }),
    )
  })

  test('the chunks are the same wherever the bytes are cut', async () => {
    const anyPieces = fc.array(fc.array(part, { maxLength: 3 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(anyPieces, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), async (spoken, cuts) => {
        const pieces = [...spoken.map((parts) => ({ ...head, candidates: [{ content: { parts } }] })), reply([])]
        const bytes = toBytes(pieces)
        const cut: Uint8Array[] = []
        for (let from = 0, next = 0; from < bytes.length; next += 1) {
          const size = cuts[next % cuts.length] ?? 1
          cut.push(bytes.subarray(from, from + size))
          from += size
        }
        const stream = await openGeminiStream(toResponse(cut), toFacts())
        expect(await Array.fromAsync(stream)).toEqual(await chunksOf(pieces))
      }),
    )
  })
})
