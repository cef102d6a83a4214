import { ChatCompletion, ChatCompletionChunk, Completion, StackError } from '@llama-stack/api'
import type { ChatCompletionRequest, CompletionRequest } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOfflineProvider, offlineCall } from '../../testing/offline-provider.ts'
import { servedEvents } from '../../testing/served-events.ts'
import { foldDeltas } from './_demo-choice.ts'
import { script } from './_demo-script.ts'
import { provider } from './demo.ts'

const demo = createOfflineProvider(provider, { first_token_ms: 0, token_interval_ms: 0 })

type Asked = Omit<Partial<ChatCompletionRequest>, 'messages'>

const ask = (content: string, more: Asked = {}): ChatCompletionRequest => ({
  model: 'assistant',
  messages: [{ role: 'user', content }],
  ...more,
})

async function complete(request: ChatCompletionRequest): Promise<ChatCompletion> {
  const reply = await demo.chatCompletion?.(request, offlineCall())
  if (reply?.kind !== 'value') throw new Error('expected a value')
  return ChatCompletion.parse(reply.value)
}

async function stream(request: ChatCompletionRequest): Promise<ChatCompletionChunk[]> {
  const reply = await demo.chatCompletion?.({ ...request, stream: true }, offlineCall())
  if (reply?.kind !== 'events') throw new Error('expected events')
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of servedEvents(reply)) chunks.push(ChatCompletionChunk.parse(chunk))
  return chunks
}

const text = async (request: ChatCompletionRequest) => (await complete(request)).choices[0]?.message.content

/** Tool calls are named at random; nothing else of a demo reply is. */
function withoutCallIds(of: unknown): unknown {
  return JSON.parse(JSON.stringify(of).replaceAll(/call_demo_\w+/g, 'call'))
}

describe('a demo chat completion', () => {
  it('is labelled as demo in its id and its headers', async () => {
    for (const streamed of [false, true]) {
      const reply = await demo.chatCompletion?.(ask('Hello', { stream: streamed }), offlineCall())
      expect(reply).toMatchObject({ headers: { 'x-llama-stack-demo': '1' } })
    }
    expect((await complete(ask('Hello'))).id).toMatch(/^chatcmpl-demo-\w{24}$/)
    expect(demo.demo).toBe(true)
    expect((await demo.models?.(offlineCall()))?.map(({ id }) => id)).toEqual(['assistant', 'scripted'])
  })

  it('says what is missing, and how to connect a model', async () => {
    const completion = await complete(ask('What is the meaning of life?'))
    expect(completion.choices[0]).toMatchObject({
      index: 0,
      finish_reason: 'stop',
      message: { role: 'assistant', content: expect.stringMatching(/No model is connected.*meaning of life.*ollama/s) },
    })
    expect(completion).toMatchObject({ object: 'chat.completion', created: 1_700_000_000, model: 'assistant' })
  })

  it('streams chunks in OpenAI’s order', async () => {
    const chunks = await stream(ask('Hello', { model: 'scripted', stream_options: { include_usage: true } }))
    const [first] = chunks
    const finish = chunks.at(-2)
    const usage = chunks.at(-1)
    expect(first?.choices).toEqual([
      { index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null },
    ])
    for (const chunk of chunks.slice(1, -2)) {
      expect(Object.keys(chunk.choices[0]?.delta ?? {})).toEqual(['content'])
      expect(chunk.choices[0]?.finish_reason).toBeNull()
      expect(chunk.usage).toBeNull()
    }
    expect(finish?.choices).toEqual([{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }])
    expect(usage?.choices).toEqual([])
    expect(usage?.usage?.total_tokens).toBeGreaterThan(0)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  it('sends no usage that was not asked for', async () => {
    const chunks = await stream(ask('Hello', { model: 'scripted' }))
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true)
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })

  it('folds from its stream, whatever is asked', async () => {
    const tools = ['get_weather', 'get_time', 'calculate', 'web_search', 'book_table'].map((name) => ({
      type: 'function',
      function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
    }))
    const prompts = script.filter(({ error }) => error === undefined).flatMap(({ prompts: of }) => of)
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            model: fc.constantFrom('assistant', 'scripted'),
            content: fc.oneof(fc.constantFrom(...prompts), fc.lorem()),
            n: fc.integer({ min: 1, max: 3 }),
            max_tokens: fc.integer({ min: 1, max: 40 }),
            stop: fc.array(fc.constantFrom('e', ' the', '\n', '.'), { maxLength: 2 }),
            tools: fc.constant(tools),
            response_format: fc.constant({ type: 'json_object' as const }),
          },
          { requiredKeys: ['model', 'content'] },
        ),
        async ({ content, ...more }) => {
          const request = ask(content, { ...more, stream_options: { include_usage: true } })
          const whole = await complete(request)
          const chunks = await stream(request)
          const choices = whole.choices.map(({ index }) => {
            const mine = chunks.flatMap((chunk) => chunk.choices.filter((choice) => choice.index === index))
            return {
              index,
              message: foldDeltas(mine.map(({ delta }) => delta)),
              logprobs: null,
              finish_reason: mine.at(-1)?.finish_reason,
            }
          })
          expect(withoutCallIds(choices)).toEqual(withoutCallIds(whole.choices))
          expect(chunks.at(-1)?.usage).toEqual(whole.usage)
          expect(whole.choices).toHaveLength(request.n ?? 1)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('ends at the token limit, and counts what was said', async () => {
    const request = ask('Count to ten', { model: 'scripted', max_completion_tokens: 5, max_tokens: 9 })
    const completion = await complete(request)
    expect(completion.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '1, 2, 3' } })
    expect(completion.usage).toMatchObject({ completion_tokens: 5 })
    const twice = await complete({ ...request, n: 2 })
    expect(twice.usage).toMatchObject({ completion_tokens: 10, prompt_tokens: completion.usage?.prompt_tokens })
  })

  it('ends before a stop sequence', async () => {
    const counted = await complete(ask('Count to ten', { model: 'scripted', stop: [', 4', ', 8'] }))
    expect(counted.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: '1, 2, 3' } })
    expect(await text(ask('Count to ten', { model: 'scripted', stop: '' }))).toMatch(/10$/)
  })

  it('knows no other model', async () => {
    await expect(complete(ask('Hello', { model: 'gpt-4o' }))).rejects.toMatchObject({ code: 'model_not_found' })
  })

  it('takes the time that it is told to take', async () => {
    const slow = createOfflineProvider(provider, { first_token_ms: 40, token_interval_ms: 10 })
    const reply = await slow.chatCompletion?.(ask('Count to ten', { model: 'scripted', stream: true }), offlineCall())
    if (reply?.kind !== 'events') throw new Error('expected events')
    const begin = performance.now()
    const times: number[] = []
    for await (const _ of reply.events) times.push(performance.now() - begin)
    expect(times[0]).toBeGreaterThan(35)
    expect(times.at(-1)).toBeGreaterThan(35 + 18 * 9)
  })

  it('stops at once when the call is given up', async () => {
    const slow = createOfflineProvider(provider, { first_token_ms: 0, token_interval_ms: 30_000 })
    const caller = new AbortController()
    const reply = await slow.chatCompletion?.(ask('Count to ten', { stream: true }), offlineCall(caller.signal))
    if (reply?.kind !== 'events') throw new Error('expected events')
    const events = reply.events[Symbol.asyncIterator]()
    await events.next()
    await events.next()
    const waiting = events.next()
    caller.abort(new StackError('server_shutting_down', {}))
    await expect(waiting).rejects.toMatchObject({ code: 'server_shutting_down' })
  })
})

describe('a demo text completion', () => {
  const request = (prompt: CompletionRequest['prompt'], more: Partial<CompletionRequest> = {}): CompletionRequest => ({
    model: 'scripted',
    prompt,
    ...more,
  })

  async function write(of: CompletionRequest): Promise<Completion> {
    const reply = await demo.completion?.(of, offlineCall())
    if (reply?.kind !== 'value') throw new Error('expected a value')
    expect(reply.headers).toEqual({ 'x-llama-stack-demo': '1' })
    return Completion.parse(reply.value)
  }

  it('answers each prompt, as often as asked', async () => {
    const completion = await write(request(['Count to ten', 'Capital of France'], { n: 2 }))
    expect(completion.choices.map((choice) => [choice.index, choice.text.slice(0, 5), choice.finish_reason])).toEqual([
      [0, '1, 2,', 'stop'],
      [1, '1, 2,', 'stop'],
      [2, 'The c', 'stop'],
      [3, 'The c', 'stop'],
    ])
    expect(completion.object).toBe('text_completion')
    expect(completion.id).toMatch(/^cmpl-demo-/)
  })

  it('echoes, stops and ends as asked', async () => {
    expect((await write(request('Count to ten', { echo: true, stop: ', 3' }))).choices[0]).toMatchObject({
      text: 'Count to ten1, 2',
      finish_reason: 'stop',
    })
    const short = await write(request('Count to ten', { max_tokens: 3 }))
    expect(short.choices[0]).toMatchObject({ text: '1, 2', finish_reason: 'length' })
    expect(short.usage).toEqual({ prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 })
  })

  it('folds from its stream', async () => {
    const asked = request(['Count to ten', 'Tell me a joke'], { echo: true, stream_options: { include_usage: true } })
    const whole = await write(asked)
    const reply = await demo.completion?.({ ...asked, stream: true }, offlineCall())
    if (reply?.kind !== 'events') throw new Error('expected events')
    const texts = ['', '']
    const ends: (string | null)[] = []
    let usage: unknown
    for await (const chunk of servedEvents(reply)) {
      usage = chunk.usage
      for (const choice of chunk.choices) {
        texts[choice.index] += choice.text
        ends[choice.index] = choice.finish_reason
      }
    }
    expect(texts).toEqual(whole.choices.map((choice) => choice.text))
    expect(ends).toEqual(['stop', 'stop'])
    expect(usage).toEqual(whole.usage)
  })

  it('refuses token ids', async () => {
    await expect(write(request([1, 2, 3]))).rejects.toMatchObject({ code: 'invalid_value', param: 'prompt' })
  })
})
