import { setTimeout as sleep } from 'node:timers/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { ChatCompletion, ChatCompletionChunk, Completion } from '@llama-stack/api'
import type { ChatCompletionRequest, CompletionRequest } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chatMl, createLlamaRig, greeter } from '../../testing/llama-rig.ts'
import type { LlamaRig } from '../../testing/llama-rig.ts'
import { offlineCall } from '../../testing/offline-provider.ts'
import { describeWithPackage } from '../../testing/optional-package-case.ts'
import { servedEvents } from '../../testing/served-events.ts'
import { foldDeltas } from './_demo-choice.ts'
import { llamaPackage } from './_llama-engine.ts'
import { timed } from '../../testing/timed.ts'

/** Writes without end: nothing that it says ends a turn. */
const talker = { ...chatMl, words: ['on', ' and '], successors: { '\n': 'on', on: ' and ', ' and ': 'on' } }
/** Answers with a call, in the words that its template has for one. */
const caller = { ...chatMl, words: ['||call: '], successors: { '\n': '||call: ' } }
/** Each token costs so much that reading a long prompt takes a while. */
const slow = { ...talker, feedForward: 80_000 }

/** Thinks before it answers, between marks that its template has. */
const thinker = {
  controls: ['<|begin|>', '<|finish|>'],
  end: '<|finish|>',
  words: ['<think>', '</think>', 'Hmm', 'Yes'],
  successors: { '\n': '<think>', '<think>': 'Hmm', Hmm: '</think>', '</think>': 'Yes', Yes: '<|finish|>' },
  chatTemplate:
    "{%- for message in messages %}{{- '<|begin|>' + message.role + '\n' }}{%- if message.reasoning_content is defined %}{{- '<think>' + message.reasoning_content + '</think>' }}{%- endif %}{{- message.content + '<|finish|>' + '\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|begin|>assistant\n' }}{%- endif %}",
}

let rig: LlamaRig

type Asked = Partial<Omit<ChatCompletionRequest, 'messages'>> & Readonly<Record<string, unknown>>

const ask = (more: Asked = {}, content = 'Hi'): ChatCompletionRequest => ({
  model: 'greeter',
  messages: [{ role: 'user', content }],
  ...more,
})

async function complete(request: ChatCompletionRequest): Promise<ChatCompletion> {
  const reply = await rig.provider.chatCompletion(request, offlineCall())
  if (reply.kind !== 'value') throw new Error('expected a value')
  return ChatCompletion.parse(reply.value)
}

async function stream(request: ChatCompletionRequest): Promise<ChatCompletionChunk[]> {
  const reply = await rig.provider.chatCompletion({ ...request, stream: true }, offlineCall())
  if (reply.kind !== 'events') throw new Error('expected events')
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of servedEvents(reply)) chunks.push(ChatCompletionChunk.parse(chunk))
  return chunks
}

const contentOf = async (request: ChatCompletionRequest) => (await complete(request)).choices[0]?.message.content

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Rome'] }, celsius: { type: 'boolean' } },
      required: ['city', 'celsius'],
    },
  },
}
const clock = { type: 'function', function: { name: 'get_time' } }

describeWithPackage(llamaPackage, '[B050] a GGUF model inside the server', () => {
  beforeAll(async () => {
    rig = createLlamaRig({
      files: { greeter, babbler: chatMl, talker, caller, thinker, slow, small: { ...talker, contextLength: 256 } },
      config: { max_loaded: 7, context_length: 2048, max_waiting: 1 },
    })
    await complete(ask())
  }, 120_000)
  afterAll(() => rig[Symbol.asyncDispose]())

  describe('chats', () => {
    test('in OpenAI’s shape, counted by its own tokens', async () => {
      const completion = await complete(ask())
      expect(completion).toMatchObject({
        id: expect.stringMatching(/^chatcmpl-\w{24}$/) as string,
        model: 'greeter',
        choices: [
          { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello world!', refusal: null } },
        ],
        // The template: 2 × (role mark, role, line feed), the text, the mark of its end, a line feed.
        usage: { prompt_tokens: 25, completion_tokens: 4, total_tokens: 29 },
      })
    })

    test('as a stream that amounts to the same', async () => {
      const chunks = await stream(ask({ stream_options: { include_usage: true } }))
      expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
        { role: 'assistant', content: '', refusal: null },
        { content: 'Hello' },
        { content: ' world' },
        { content: '!' },
        {},
        undefined,
      ])
      expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
      expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 25, completion_tokens: 4 })
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
      expect((await stream(ask())).every((chunk) => !('usage' in chunk))).toBe(true)
    })

    test('keeping what it thinks apart from what it says', async () => {
      const { choices, usage } = await complete(ask({ model: 'thinker' }))
      expect(choices[0]?.message).toEqual({
        role: 'assistant',
        content: 'Yes',
        refusal: null,
        reasoning_content: 'Hmm',
      })
      expect(usage?.completion_tokens_details).toEqual({ reasoning_tokens: 1 })
      const deltas = (await stream(ask({ model: 'thinker' }))).map((chunk) => chunk.choices[0]?.delta)
      expect(deltas.slice(1)).toEqual([{ reasoning_content: 'Hmm' }, { content: 'Yes' }, {}])
    })

    test('goes on from what it has read before', async () => {
      const first = ask({}, 'A question that is asked twice, and is long enough to be worth keeping.')
      await complete(first)
      const again = await complete(first)
      const { prompt_tokens: promptTokens, prompt_tokens_details: details } = again.usage ?? {}
      expect(details?.['cached_tokens']).toBe((promptTokens ?? 0) - 1)
    })

    test('ends at max_tokens, at a stop sequence and at the end of its context', async () => {
      expect((await complete(ask({ model: 'talker', max_tokens: 3 }))).choices[0]).toMatchObject({
        finish_reason: 'length',
        message: { content: 'on and on' },
      })
      expect((await complete(ask({ stop: ['world'] }))).choices[0]).toMatchObject({
        finish_reason: 'stop',
        message: { content: 'Hello ' },
      })
      const full = await complete(ask({ model: 'small' }))
      expect(full.choices[0]?.finish_reason).toBe('length')
      expect(full.usage?.total_tokens).toBeGreaterThan(220)
      expect(full.usage?.total_tokens).toBeLessThan(256)
    })

    test('says the same by the same seed, and something else by another', async () => {
      const babble = (seed: number) => contentOf(ask({ model: 'babbler', seed, max_tokens: 12, temperature: 1.5 }))
      expect(await babble(1)).toBe(await babble(1))
      expect(await babble(1)).not.toBe(await babble(2))
    })

    test('writes several choices, each its own', async () => {
      const { choices, usage } = await complete(ask({ model: 'babbler', n: 3, max_tokens: 8, temperature: 1.5 }))
      expect(choices.map(({ index }) => index)).toEqual([0, 1, 2])
      expect(new Set(choices.map(({ message }) => message.content)).size).toBe(3)
      expect(usage?.completion_tokens).toBeGreaterThan(12)
      expect(usage?.completion_tokens).toBeLessThanOrEqual(24)
    })

    test('follows biases and penalties', async () => {
      const banned = await rig.provider.completion({ model: 'greeter', prompt: 'Hello', max_tokens: 1 }, offlineCall())
      expect(banned).toMatchObject({ value: { choices: [{ text: ' world' }] } })
      // The first of the greeter's words comes after 3 marks, 256 bytes, 2 controls and 95 characters.
      expect(await contentOf(ask({ logit_bias: { '356': -100 }, max_tokens: 4 }))).not.toContain('Hello')
      expect(await contentOf(ask({ model: 'talker', frequency_penalty: 2, max_tokens: 60 }))).not.toBe(
        await contentOf(ask({ model: 'talker', max_tokens: 60 })),
      )
    })

    test.each([
      [{ logit_bias: { '99999': 1 } }, 'logit_bias'],
      [{ logit_bias: { Hello: 1 } }, 'logit_bias'],
      [{ logprobs: true }, 'logprobs'],
      [{ top_k: 'many' }, 'top_k'],
      [{ tool_choice: 'required' as const }, 'tool_choice'],
      [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'x' } } }, 'tool_choice'],
      [{ tools: [weather], response_format: { type: 'json_object' as const } }, 'response_format'],
    ])('refuses %j, naming what is wrong', async (more, param) => {
      await expect(complete(ask(more))).rejects.toMatchObject({ code: 'invalid_value', param })
    })

    test('refuses a model that is not there: an id is no path', async () => {
      await expect(complete(ask({ model: '../greeter' }))).rejects.toMatchObject({ code: 'model_not_found' })
    })
  })

  describe('writes JSON', () => {
    test('of any kind', async () => {
      const text = await contentOf(
        ask({ model: 'babbler', response_format: { type: 'json_object' }, max_tokens: 400, seed: 3, temperature: 0 }),
      )
      expect(text).toMatch(/^\{/)
    })

    test('that fits a schema', async () => {
      const schema = {
        type: 'object',
        properties: {
          verdict: { enum: ['yes', 'no'] },
          sure: { type: 'boolean' },
          list: { type: 'array', items: { $ref: '#/$defs/item' }, minItems: 2, maxItems: 2 },
        },
        $defs: { item: { type: 'object', properties: { code: { const: 7 } }, required: ['code'] } },
      }
      for (const seed of [1, 2, 3]) {
        const { choices } = await complete(
          ask({
            model: 'babbler',
            response_format: { type: 'json_schema', json_schema: { name: 'v', schema } },
            max_tokens: 600,
            seed,
          }),
        )
        expect(choices[0]?.finish_reason).toBe('stop')
        expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({
          verdict: expect.stringMatching(/^(yes|no)$/) as string,
          sure: expect.any(Boolean) as boolean,
          list: [{ code: 7 }, { code: 7 }],
        })
      }
    })

    test('only by schemas that can be enforced', async () => {
      const schema = { type: 'object', properties: { a: { not: { type: 'string' } } } }
      const format = { type: 'json_schema' as const, json_schema: { schema } }
      await expect(complete(ask({ response_format: format }))).rejects.toMatchObject({
        code: 'invalid_value',
        param: 'response_format.json_schema.schema',
        message: expect.stringContaining('#/properties/a') as string,
      })
    })
  })

  describe('calls tools', () => {
    const called = { name: 'get_weather', arguments: expect.any(String) as string }

    test('when it says so itself', async () => {
      const [choice] = (await complete(ask({ model: 'caller', tools: [weather], max_tokens: 200 }))).choices
      expect(choice).toMatchObject({
        finish_reason: 'tool_calls',
        message: {
          content: null,
          tool_calls: [{ id: expect.stringMatching(/^call_\w{24}$/) as string, type: 'function', function: called }],
        },
      })
      expect(JSON.parse(choice?.message.tool_calls?.[0]?.function?.arguments ?? '')).toEqual({
        city: expect.stringMatching(/^(Paris|Rome)$/) as string,
        celsius: expect.any(Boolean) as boolean,
      })
    })

    test('when it has to', async () => {
      const request = ask({ tools: [weather, clock], tool_choice: 'required', max_tokens: 300 })
      const [choice] = (await complete(request)).choices
      expect(choice?.finish_reason).toBe('tool_calls')
      expect(['get_weather', 'get_time']).toContain(choice?.message.tool_calls?.[0]?.function?.name)
    })

    test('by name, and then ends with stop', async () => {
      const chosen = { type: 'function', function: { name: 'get_time' } }
      const [choice] = (await complete(ask({ tools: [weather, clock], tool_choice: chosen, max_tokens: 300 }))).choices
      expect(choice).toMatchObject({
        finish_reason: 'stop',
        message: { tool_calls: [{ function: { name: 'get_time' } }] },
      })
      expect(choice?.message.tool_calls).toHaveLength(1)
      expect(JSON.parse(choice?.message.tool_calls?.[0]?.function?.arguments ?? '')).toEqual({})
    })

    test('never when they are turned off', async () => {
      const [choice] = (await complete(ask({ tools: [weather], tool_choice: 'none' }))).choices
      expect(choice).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello world!' } })
      expect(choice?.message.tool_calls).toBeUndefined()
    })

    test('in a stream: the name with the id, then the arguments piece by piece', async () => {
      const request = ask({ model: 'caller', tools: [weather], max_tokens: 200, seed: 5, temperature: 0 })
      const chunks = await stream(request)
      const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta))
      expect(deltas[1]?.tool_calls).toEqual([
        {
          index: 0,
          id: expect.stringMatching(/^call_/) as string,
          type: 'function',
          function: { name: 'get_weather', arguments: '' },
        },
      ])
      expect(deltas.length).toBeGreaterThan(6)
      for (const { tool_calls: calls } of deltas.slice(2, -1))
        expect(calls).toEqual([{ index: 0, function: { arguments: expect.any(String) as string } }])
      const whole = (await complete(request)).choices[0]?.message
      const folded = foldDeltas(deltas)
      expect(folded.tool_calls?.[0]?.function).toEqual(whole?.tool_calls?.[0]?.function)
    })

    test('and reads their results', async () => {
      const call = { id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } }
      const messages: ChatCompletionRequest['messages'] = [
        { role: 'user', content: 'Is it warm?' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c1', content: '{"degrees":31}' },
      ]
      const answered = await complete({ model: 'greeter', messages, tools: [weather], max_tokens: 20 })
      const asked = await complete({
        model: 'greeter',
        messages: messages.slice(0, 1),
        tools: [weather],
        max_tokens: 20,
      })
      expect(answered.usage?.prompt_tokens).toBeGreaterThan((asked.usage?.prompt_tokens ?? 0) + 30)
      await expect(complete({ model: 'greeter', messages: messages.slice(0, 2) })).rejects.toMatchObject({
        code: 'invalid_value',
        message: expect.stringContaining("'c1' has no result") as string,
      })
    })
  })

  describe('keeps within its limits', () => {
    test('and refuses a prompt that cannot fit before it reads any of it', async () => {
      const before = performance.now()
      await expect(complete(ask({ model: 'slow' }, 'word '.repeat(500)))).rejects.toMatchObject({
        code: 'context_length_exceeded',
        status: 400,
        param: 'messages',
        details: { promptTokens: 2523, contextTokens: 2048 },
      })
      expect(performance.now() - before).toBeLessThan(2000)
    })

    test('and lets go within 100 ms of a caller who leaves', timed, async () => {
      // Loaded, and warm.
      await complete(ask({ model: 'slow', max_tokens: 1 }))
      const long = 'word '.repeat(390)
      for (const [request, waitMs] of [
        [ask({ model: 'talker' }), 60],
        [ask({ model: 'slow' }, long), 60],
      ] as const) {
        const leaving = new AbortController()
        const outcome = rig.provider
          .chatCompletion(request, offlineCall(leaving.signal))
          .then(() => undefined)
          .catch((error: unknown) => error)
        await sleep(waitMs)
        const leftAt = performance.now()
        leaving.abort()
        expect(await outcome).toMatchObject({ code: 'provider_stream_broken' })
        expect(performance.now() - leftAt).toBeLessThan(100)
      }
      expect(await contentOf(ask({ model: 'talker', max_tokens: 2 }))).toBe('on and ')
    })

    test('and stops writing when a stream is left', async () => {
      const reply = await rig.provider.chatCompletion(ask({ model: 'talker', stream: true }), offlineCall())
      if (reply.kind !== 'events') throw new Error('expected events')
      for await (const chunk of reply.events) if (chunk.choices[0]?.delta.content === 'on') break
      // Both places are free again.
      const both = await Promise.all([1, 2].map(() => complete(ask({ model: 'talker', max_tokens: 2 }))))
      expect(both).toHaveLength(2)
    })

    test('and refuses more callers than may wait', async () => {
      const leaving = new AbortController()
      // Two write, one waits.
      const three = [1, 2, 3].map(() =>
        rig.provider
          .chatCompletion(ask({ model: 'slow' }), offlineCall(leaving.signal))
          .catch((error: unknown) => error),
      )
      await sleep(300)
      await expect(complete(ask({ model: 'slow' }))).rejects.toMatchObject({ code: 'provider_overloaded', status: 503 })
      leaving.abort()
      expect(await Promise.all(three)).toEqual(
        three.map(() => expect.objectContaining({ code: 'provider_stream_broken' }) as Error),
      )
    })

    test('and leaves the event loop free while it computes', timed, async () => {
      const delay = monitorEventLoopDelay({ resolution: 5 })
      let turns = 0
      const counter = setInterval(() => (turns += 1), 2)
      delay.enable()
      const before = performance.now()
      await complete(ask({ model: 'slow', max_tokens: 4 }, 'other '.repeat(320)))
      const tookMs = performance.now() - before
      delay.disable()
      clearInterval(counter)
      // Read in fifteen steps: on this thread there would be one turn between two of them.
      expect(tookMs).toBeGreaterThan(100)
      expect(turns).toBeGreaterThan(35)
      expect(delay.percentile(50) / 1e6).toBeLessThan(25)
    })
  })

  describe('continues texts', () => {
    async function text(request: Omit<CompletionRequest, 'model'> & { model?: string }): Promise<Completion> {
      const reply = await rig.provider.completion({ model: 'greeter', ...request } as CompletionRequest, offlineCall())
      if (reply.kind !== 'value') throw new Error('expected a value')
      return Completion.parse(reply.value)
    }

    test('of several prompts, with their echo', async () => {
      const { choices, usage } = await text({ prompt: ['Hello', 'Hello world'], echo: true })
      expect(choices).toMatchObject([
        { index: 0, text: 'Hello world!', finish_reason: 'stop' },
        { index: 1, text: 'Hello world!', finish_reason: 'stop' },
      ])
      expect(usage).toEqual({ prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 })
    })

    test('given as token ids of the model', async () => {
      expect((await text({ prompt: [356] })).choices[0]?.text).toBe(' world!')
      await expect(text({ prompt: [99_999] })).rejects.toMatchObject({ code: 'invalid_value', param: 'prompt' })
    })

    test('as a stream, within max_tokens', async () => {
      const request: CompletionRequest = { model: 'talker', prompt: 'on', max_tokens: 3, stream: true }
      const reply = await rig.provider.completion(request, offlineCall())
      if (reply.kind !== 'events') throw new Error('expected events')
      const chunks: Completion[] = []
      for await (const chunk of servedEvents(reply)) chunks.push(Completion.parse(chunk))
      expect(chunks.map(({ choices }) => choices[0]?.text)).toEqual([' and ', 'on', ' and ', ''])
      expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('length')
    })

    test('but refuses what cannot fit', async () => {
      await expect(text({ prompt: 'x'.repeat(2100) })).rejects.toMatchObject({
        code: 'context_length_exceeded',
        param: 'prompt',
      })
    })
  })
})
