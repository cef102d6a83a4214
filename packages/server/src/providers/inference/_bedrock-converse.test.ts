import { bug, isStackError } from '@llama-stack/api'
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { foldChatChunks } from '../../services/inference/fold-chunks.ts'
import { createBedrockRig } from '../../testing/bedrock-rig.ts'
import type { BedrockRig, BedrockRigOptions } from '../../testing/bedrock-rig.ts'
import { toEventStreamFrame, toExceptionFrame, toJsonEventFrame } from '../../testing/event-stream-frame.ts'
import type { ScriptedReply } from '../../testing/scripted-upstream.ts'
import { servedEvents } from '../../testing/served-events.ts'

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const PATH = `POST /model/${encodeURIComponent(CLAUDE)}`
const request: ChatCompletionRequest = { model: CLAUDE, messages: [{ role: 'user', content: 'Will it rain?' }] }
const usage = {
  inputTokens: 10,
  outputTokens: 20,
  totalTokens: 30,
  cacheReadInputTokens: 100,
  cacheWriteInputTokens: 5,
}

type Event = readonly [name: string, payload: unknown]

/** A model that thinks, talks and calls two tools, one of them without arguments. */
const events: readonly Event[] = [
  ['messageStart', { role: 'assistant' }],
  ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: 'They ask ' } } }],
  ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: 'for rain ☔.' } } }],
  ['contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { signature: 'sig==' } } }],
  ['contentBlockStop', { contentBlockIndex: 0 }],
  ['contentBlockDelta', { contentBlockIndex: 1, delta: { text: 'Let me ' } }],
  ['contentBlockDelta', { contentBlockIndex: 1, delta: { text: 'look 🌧.' } }],
  ['contentBlockStop', { contentBlockIndex: 1 }],
  ['contentBlockStart', { contentBlockIndex: 2, start: { toolUse: { toolUseId: 'tooluse_1', name: 'look' } } }],
  ['contentBlockDelta', { contentBlockIndex: 2, delta: { toolUse: { input: '{"city":' } } }],
  ['contentBlockDelta', { contentBlockIndex: 2, delta: { toolUse: { input: '"Zürich"}' } } }],
  ['contentBlockStop', { contentBlockIndex: 2 }],
  ['contentBlockStart', { contentBlockIndex: 3, start: { toolUse: { toolUseId: 'tooluse_2', name: 'now' } } }],
  ['contentBlockDelta', { contentBlockIndex: 3, delta: { toolUse: { input: '' } } }],
  ['contentBlockStop', { contentBlockIndex: 3 }],
  ['messageStop', { stopReason: 'tool_use' }],
  ['metadata', { usage, metrics: { latencyMs: 1 } }],
]

const signed = { reasoningContent: { reasoningText: { text: 'They ask for rain ☔.', signature: 'sig==' } } }

/** The same in one piece. */
const whole = {
  output: {
    message: {
      role: 'assistant',
      content: [
        signed,
        { text: 'Let me look 🌧.' },
        { toolUse: { toolUseId: 'tooluse_1', name: 'look', input: { city: 'Zürich' } } },
        { toolUse: { toolUseId: 'tooluse_2', name: 'now', input: {} } },
      ],
    },
  },
  stopReason: 'tool_use',
  usage,
}

const said: ChatCompletion['choices'][number]['message'] = {
  role: 'assistant',
  content: 'Let me look 🌧.',
  refusal: null,
  reasoning_content: 'They ask for rain ☔.',
  tool_calls: [
    { id: 'tooluse_1', type: 'function', function: { name: 'look', arguments: '{"city":"Zürich"}' } },
    { id: 'tooluse_2', type: 'function', function: { name: 'now', arguments: '{}' } },
  ],
}

const counted = {
  prompt_tokens: 115,
  completion_tokens: 20,
  total_tokens: 135,
  prompt_tokens_details: { cached_tokens: 100, cache_write_tokens: 5 },
}

const toFrames = (of: readonly Event[]): Buffer[] => of.map(([name, payload]) => toJsonEventFrame(name, payload))

function streamOf(frames: readonly Uint8Array[], more: object = {}): ScriptedReply {
  return { headers: { 'content-type': 'application/vnd.amazon.eventstream' }, frames, ...more }
}

function rigOf(
  replies: { readonly stream?: ScriptedReply; readonly whole?: ScriptedReply },
  options?: BedrockRigOptions,
) {
  return createBedrockRig(
    {
      ...(replies.stream && { [`${PATH}/converse-stream`]: replies.stream }),
      ...(replies.whole && { [`${PATH}/converse`]: replies.whole }),
    },
    options,
  )
}

async function chat(rig: BedrockRig, more: Partial<ChatCompletionRequest> = {}): Promise<ChatCompletion> {
  const reply = await rig.provider.chatCompletion({ ...request, ...more }, rig.call())
  return reply.kind === 'value' ? reply.value : bug('the reply is no value')
}

async function chunksOf(rig: BedrockRig, more: Partial<ChatCompletionRequest> = {}): Promise<ChatCompletionChunk[]> {
  const reply = await rig.provider.chatCompletion({ ...request, ...more, stream: true }, rig.call())
  if (reply.kind !== 'events') bug('the reply is no stream')
  return Array.fromAsync(servedEvents(reply))
}

async function failureOf(asked: Promise<unknown>) {
  try {
    await asked
  } catch (error) {
    if (isStackError(error)) return error
    throw error
  }
  return bug('the call did not fail')
}

describe('a reply', () => {
  it('in one piece is a completion', async () => {
    await using rig = await rigOf({ whole: { json: whole } })
    expect(await chat(rig)).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: CLAUDE,
      choices: [{ index: 0, message: said, finish_reason: 'tool_calls', logprobs: null }],
      usage: counted,
    })
    expect(rig.aws.requests[0]?.headers['accept']).toBe('application/json')
  })

  it('in frames folds to the same', async () => {
    await using rig = await rigOf({ stream: streamOf(toFrames(events)), whole: { json: whole } })
    const chunks = await chunksOf(rig, { stream_options: { include_usage: true } })
    const { id: _id, ...folded } = foldChatChunks(chunks)
    const { id: _other, ...completion } = await chat(rig)
    expect(folded.choices[0]?.message).toEqual({ ...said, refusal: undefined })
    expect(folded).toMatchObject({ ...completion, choices: [{ finish_reason: 'tool_calls' }], created: folded.created })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: counted })
    expect(rig.aws.requests[0]?.headers['accept']).toBe('application/vnd.amazon.eventstream')
  })

  it('has the same chunks wherever its bytes are cut', async () => {
    const bytes = Buffer.concat(toFrames(events))
    let cuts: readonly number[] = []
    const stream = (): ScriptedReply => {
      const at = [0, ...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted((a, b) => a - b)
      return streamOf(at.slice(1).map((end, index) => bytes.subarray(at[index], end)))
    }
    await using rig = await createBedrockRig({ [`${PATH}/converse-stream`]: stream })
    const strip = (chunks: readonly ChatCompletionChunk[]) => chunks.map(({ choices }) => choices)
    const expected = strip(await chunksOf(rig))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 12 }), async (marks) => {
        cuts = marks
        expect(strip(await chunksOf(rig))).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['guardrail_intervened', 'content_filter'],
    ['content_filtered', 'content_filter'],
    ['something new', 'stop'],
  ])('that stops with %s ends with %s', async (stopReason, expected) => {
    const json = { output: { message: { content: [{ text: 'So.' }] } }, stopReason, usage: {} }
    await using rig = await rigOf({ whole: { json } })
    expect((await chat(rig)).choices[0]).toMatchObject({ finish_reason: expected, message: { content: 'So.' } })
  })

  it('with citations is their text', async () => {
    const citationsContent = { content: [{ text: 'It ' }, { text: 'rains.' }], citations: [] }
    const json = { output: { message: { content: [{ citationsContent }] } }, stopReason: 'end_turn', usage: {} }
    await using rig = await rigOf({ whole: { json } })
    expect((await chat(rig)).choices[0]?.message.content).toBe('It rains.')
  })

  it('tells of no usage that nobody asked for, in a stream', async () => {
    await using rig = await rigOf({ stream: streamOf(toFrames(events)) })
    expect((await chunksOf(rig)).some((chunk) => 'usage' in chunk)).toBe(false)
  })
})

describe('an answer in a schema', () => {
  const format: Partial<ChatCompletionRequest> = {
    response_format: { type: 'json_schema', json_schema: { name: 'forecast', schema: { type: 'object' } } },
  }
  const start = { toolUse: { toolUseId: 't', name: 'forecast' } }

  it('is the input of its tool, and what is said beside it is left out', async () => {
    const frames = toFrames([
      ['messageStart', {}],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Here it is:' } }],
      ['contentBlockStop', { contentBlockIndex: 0 }],
      ['contentBlockStart', { contentBlockIndex: 1, start }],
      ['contentBlockDelta', { contentBlockIndex: 1, delta: { toolUse: { input: '{"rain":' } } }],
      ['contentBlockDelta', { contentBlockIndex: 1, delta: { toolUse: { input: 'true}' } } }],
      ['contentBlockStop', { contentBlockIndex: 1 }],
      ['messageStop', { stopReason: 'tool_use' }],
    ])
    await using rig = await rigOf({ stream: streamOf(frames) })
    const [choice] = foldChatChunks(await chunksOf(rig, format)).choices
    expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: '{"rain":true}' } })
    expect(choice?.message.tool_calls).toBeUndefined()
  })

  it('that is not given is what was said instead', async () => {
    const frames = toFrames([
      ['messageStart', {}],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'I will ' } }],
      ['contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'not.' } }],
      ['messageStop', { stopReason: 'end_turn' }],
    ])
    await using rig = await rigOf({ stream: streamOf(frames) })
    expect(foldChatChunks(await chunksOf(rig, format)).choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: 'I will not.' },
    })
  })

  it('gives way to the call of a real tool', async () => {
    await using rig = await rigOf({ whole: { json: whole } })
    expect((await chat(rig, format)).choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [{ id: 'tooluse_1' }, { id: 'tooluse_2' }] },
    })
  })
})

describe('thoughts', () => {
  const next = (model: string): ChatCompletionRequest => ({
    model,
    messages: [
      ...request.messages,
      { role: 'assistant', content: said.content ?? null, tool_calls: said.tool_calls ?? [] },
      { role: 'tool', tool_call_id: 'tooluse_1', content: 'Heavy rain.' },
      { role: 'tool', tool_call_id: 'tooluse_2', content: 'Noon.' },
    ],
  })

  test.each([true, false])('go back signed to the model that had them (stream: %s)', async (stream) => {
    const other = 'anthropic.claude-other'
    await using rig = await createBedrockRig({
      [`${PATH}/converse-stream`]: streamOf(toFrames(events)),
      [`${PATH}/converse`]: { json: whole },
      [`POST /model/${other}/converse`]: { json: whole },
    })
    await (stream ? chunksOf(rig) : chat(rig))
    await rig.provider.chatCompletion(next(CLAUDE), rig.call())
    await rig.provider.chatCompletion(next(other), rig.call())
    const [, same, different] = rig.aws.requests.map((asked) => asked.json())
    expect(same).toMatchObject({ messages: [{}, { content: [signed, { text: 'Let me look 🌧.' }, {}, {}] }, {}] })
    expect(JSON.stringify(different)).not.toContain('sig==')
  })

  it('that the vendor keeps to itself go back too', async () => {
    const redacted = { reasoningContent: { redactedContent: 'AAAA' } }
    const content = [redacted, ...whole.output.message.content.slice(2)]
    const json = { ...whole, output: { message: { content } } }
    await using rig = await rigOf({ whole: { json } })
    expect((await chat(rig)).choices[0]?.message).not.toHaveProperty('reasoning_content')
    await rig.provider.chatCompletion(next(CLAUDE), rig.call())
    expect(rig.aws.requests[1]?.json()).toMatchObject({ messages: [{}, { content: [redacted, {}, {}, {}] }, {}] })
  })
})

describe('a stream that fails', () => {
  const begun = toFrames(events.slice(0, 7))

  test.each<[string, object, string, string]>([
    ['throttlingException', { message: 'Too fast.' }, 'provider_rate_limited', 'Too fast.'],
    ['modelStreamErrorException', { message: 'Lost.', originalStatusCode: 500 }, 'provider_internal', 'Lost.'],
    ['modelStreamErrorException', { originalMessage: 'Deep.' }, 'provider_internal', 'Deep.'],
    ['modelTimeoutException', {}, 'provider_timeout', 'ModelTimeoutException'],
    ['internalServerException', { message: 'Oh.' }, 'provider_internal', 'Oh.'],
    ['serviceUnavailableException', { message: 'Gone.' }, 'provider_internal', 'Gone.'],
    ['validationException', { message: 'Too long.' }, 'provider_invalid_request', 'Too long.'],
    ['somethingNewException', { message: 'New.' }, 'provider_internal', 'New.'],
  ])('by %s %o fails with %s', async (type, payload, ...[code, words]) => {
    await using late = await rigOf({ stream: streamOf([...begun, toExceptionFrame(type, payload)], { gapMs: 2 }) })
    const error = await failureOf(chunksOf(late))
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) })
    // Before the first event it fails as a whole, and no stream is begun.
    await using early = await rigOf({ stream: streamOf([toExceptionFrame(type, payload)]) })
    const asked = early.provider.chatCompletion({ ...request, stream: true }, early.call())
    expect(await failureOf(asked)).toMatchObject({ code })
  })

  it('by an error without a name of its own is told', async () => {
    const frame = toEventStreamFrame(
      { ':message-type': 'error', ':error-code': 'InternalError', ':error-message': 'Broken pipe.' },
      '',
    )
    await using rig = await rigOf({ stream: streamOf([frame]) })
    expect(await failureOf(chunksOf(rig))).toMatchObject({
      code: 'provider_internal',
      message: expect.stringContaining('Broken pipe.'),
    })
  })

  it('by a damaged frame is broken', async () => {
    const damaged = Buffer.from(begun[6] ?? [])
    damaged[40] = (damaged[40] ?? 0) ^ 1
    await using rig = await rigOf({ stream: streamOf([...begun.slice(0, 6), damaged], { gapMs: 2 }) })
    expect(await failureOf(chunksOf(rig))).toMatchObject({
      code: 'provider_stream_broken',
      message: expect.stringContaining('checksum'),
    })
  })

  it('by an event that is not JSON is broken', async () => {
    const odd = toEventStreamFrame({ ':message-type': 'event', ':event-type': 'messageStop' }, '{')
    await using rig = await rigOf({ stream: streamOf([odd]) })
    expect(await failureOf(chunksOf(rig))).toMatchObject({ code: 'provider_stream_broken' })
  })

  it('by its end before messageStop is broken', async () => {
    await using rig = await rigOf({ stream: streamOf(begun) })
    expect(await failureOf(chunksOf(rig))).toMatchObject({ code: 'provider_stream_broken' })
  })
})

describe('a replay', () => {
  it('signs nothing, and makes a stream of a whole reply', async () => {
    const unsigned = { aws_access_key_id: null, aws_secret_access_key: null }
    await using rig = await rigOf({ whole: { json: whole } }, { replaying: true, config: unsigned })
    const chunks = await chunksOf(rig, { stream_options: { include_usage: true } })
    expect(foldChatChunks(chunks)).toMatchObject({
      choices: [{ message: { content: 'Let me look 🌧.' } }],
      usage: counted,
    })
    expect(rig.aws.requests[0]?.headers['authorization']).toBeUndefined()
    expect(rig.sent[0]?.recording).toMatchObject({ kind: 'http', url: expect.stringMatching(/\/converse$/) })
  })

  it('finds no frames in recordings: they are not recorded', async () => {
    await using rig = await rigOf({ stream: streamOf(toFrames(events)) })
    await chunksOf(rig)
    expect(rig.sent[0]?.recording).toBeUndefined()
  })
})

it('has no model whose name leads to another path', async () => {
  await using rig = await rigOf({ whole: { json: whole } })
  expect(await failureOf(chat(rig, { model: '..' }))).toMatchObject({ code: 'model_not_found' })
  expect(rig.aws.requests).toEqual([])
})

it('calls only what the operator allows', async () => {
  await using rig = await rigOf({ whole: { json: whole } }, { config: { allowed_models: ['other'] } })
  expect(await failureOf(chat(rig))).toMatchObject({ code: 'model_not_found' })
  expect(rig.aws.requests).toEqual([])
})
