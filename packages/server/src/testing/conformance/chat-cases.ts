/** Cases about chats: what the vendor is asked, and what of its answer arrives, whole and streamed. */
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest, ChatTool } from '@llama-stack/api'
import { expect } from 'vitest'
import { foldChatChunks } from '../../services/inference/fold-chunks.ts'
import type { ChatUnderTest, ConformanceCase } from './conformance-case.ts'
import { openChat } from './conformance-case.ts'
import { toCall } from './rig.ts'
import { serveChat, serveChatStream } from './served-reply.ts'
import { filteredTurn, lengthTurn, parallelTurn, structuredTurn, textTurn, toolTurn } from './turns.ts'
import type { VendorTurn } from './vendor-script.ts'

const parameters = Object.freeze({
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' } },
  required: ['city'],
})

const weatherTool: ChatTool = Object.freeze({
  type: 'function',
  function: { name: 'get_weather', description: 'The forecast for a city.', parameters },
})

const answerSchema = Object.freeze({
  type: 'object',
  properties: { rain: { type: 'boolean' }, millimetres: { type: 'integer' } },
  required: ['rain', 'millimetres'],
  additionalProperties: false,
})

const structured: Partial<ChatCompletionRequest> = {
  response_format: { type: 'json_schema', json_schema: { name: 'forecast', schema: answerSchema, strict: true } },
}

/** The cases of chats that succeed. */
export const chatCases: readonly ConformanceCase[] = [
  {
    capability: 'chat',
    title: 'a chat is one choice with a text, a role and a reason to end',
    async run(under) {
      await using chat = await openChat(under, { says: textTurn })
      expectSays(await serveChat(chat.provider, chat.request, toCall()), chat.says)
    },
  },
  {
    capability: 'chat',
    title: 'the vendor gets the conversation, its roles and the sampling',
    scriptedOnly: true,
    async run(under) {
      const request: Partial<ChatCompletionRequest> = {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hello' },
          { role: 'assistant', content: 'Hi.' },
          { role: 'user', content: [{ type: 'text', text: 'Will it rain?' }] },
        ],
        temperature: 0.25,
        top_p: 0.5,
        max_tokens: 99,
        stop: ['END'],
      }
      await using chat = await openChat(under, { says: textTurn, request })
      await serveChat(chat.provider, chat.request, toCall())
      const none = { images: [], toolCalls: [] }
      expect(chat.asked()).toMatchObject([
        {
          model: chat.request.model,
          streamed: false,
          messages: [
            { role: 'system', text: 'Be brief.', ...none },
            { role: 'user', text: 'Hello', ...none },
            { role: 'assistant', text: 'Hi.', ...none },
            { role: 'user', text: 'Will it rain?', ...none },
          ],
          tools: [],
          temperature: 0.25,
          topP: 0.5,
          maxTokens: 99,
          stop: ['END'],
        },
      ])
    },
  },
  {
    capability: 'chat',
    title: 'an answer that was cut short says so',
    scriptedOnly: true,
    async run(under) {
      await using chat = await openChat(under, { says: lengthTurn })
      expectSays(await serveChat(chat.provider, chat.request, toCall()), lengthTurn)
    },
  },
  {
    capability: 'stream',
    title: 'a stream has one id, one role, one end, and folds to the value',
    run: async (under) => {
      await using chat = await openChat(under, { says: textTurn })
      await expectStream(chat)
    },
  },
  {
    capability: 'stream',
    title: 'a stream may be cut anywhere',
    scriptedOnly: true,
    async run(under) {
      for (const size of [1, 7, 64]) {
        await using chat = await openChat(under, { says: textTurn, send: (stream) => cutStream(stream, size) })
        expectSays(foldChatChunks(await serveChatStream(chat.provider, chat.request, { call: toCall() })), textTurn)
      }
    },
  },
  {
    capability: 'tool calls',
    title: 'tools reach the model, and its call has an id and arguments that are JSON',
    async run(under) {
      const request = { tools: [weatherTool], tool_choice: 'auto' as const }
      await using chat = await openChat(under, { says: toolTurn, request, computed: 'toolCalls' })
      const completion = await serveChat(chat.provider, chat.request, toCall())
      expectSays(completion, chat.says)
      const [call] = completion.choices[0]?.message.tool_calls ?? []
      expect(call).toMatchObject({ type: 'function', function: { name: expect.any(String) } })
      expect(call?.id).toMatch(/./)
      expect(JSON.parse(call?.function?.arguments ?? '')).toBeTypeOf('object')
      for (const asked of chat.asked()) {
        expect(asked.tools).toEqual([
          {
            name: 'get_weather',
            description: 'The forecast for a city.',
            parameters: expect.objectContaining({ properties: parameters.properties }),
          },
        ])
      }
      await expectStream(chat)
    },
  },
  {
    capability: 'tool calls',
    title: 'the calls of an earlier turn and their results go back',
    scriptedOnly: true,
    async run(under) {
      const [{ id, name, arguments: of } = { id: '', name: '', arguments: {} }] = toolTurn.toolCalls
      const request: Partial<ChatCompletionRequest> = {
        tools: [weatherTool],
        messages: [
          { role: 'user', content: 'Will it rain?' },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id, type: 'function', function: { name, arguments: JSON.stringify(of) } }],
          },
          { role: 'tool', tool_call_id: id, content: 'Heavy rain.' },
        ],
      }
      await using chat = await openChat(under, { says: textTurn, request })
      await serveChat(chat.provider, chat.request, toCall())
      const [, assistant, tool] = chat.asked()[0]?.messages ?? []
      expect(assistant).toMatchObject({ role: 'assistant', toolCalls: [{ name, arguments: of }] })
      expect(tool).toMatchObject({ role: 'tool', text: 'Heavy rain.', toolCallId: expect.any(String) })
      // Vendors without ids tie the two by the tool's name.
      expect([assistant?.toolCalls[0]?.id, name]).toContain(tool?.toolCallId)
    },
  },
  {
    capability: 'parallel tool calls',
    title: 'calls side by side keep their order and do not mix',
    async run(under) {
      const request = { tools: [weatherTool] }
      await using chat = await openChat(under, { says: parallelTurn, request, computed: 'parallelToolCalls' })
      const completion = await serveChat(chat.provider, chat.request, toCall())
      expectSays(completion, chat.says)
      const ids = (completion.choices[0]?.message.tool_calls ?? []).map((call) => call.id)
      expect(ids.length).toBeGreaterThan(1)
      expect(new Set(ids).size).toBe(ids.length)
      await expectStream(chat)
    },
  },
  {
    capability: 'structured output',
    title: 'the schema reaches the model, and the answer is JSON',
    async run(under) {
      await using chat = await openChat(under, { says: structuredTurn, request: structured, computed: 'structured' })
      const completion = await serveChat(chat.provider, chat.request, toCall())
      expectSays(completion, chat.says)
      expect(JSON.parse(completion.choices[0]?.message.content ?? '')).toBeTypeOf('object')
      for (const asked of chat.asked()) {
        expect(asked.schema).toMatchObject({
          properties: { rain: {}, millimetres: {} },
          required: answerSchema.required,
        })
      }
      await expectStream(chat)
    },
  },
  {
    capability: 'images',
    title: 'an image reaches the model',
    scriptedOnly: true,
    async run(under) {
      const base64 = 'iVBORw0KGgo='
      const content = [
        { type: 'text' as const, text: 'What is it?' },
        { type: 'image_url' as const, image_url: { url: `data:image/png;base64,${base64}` } },
      ]
      await using chat = await openChat(under, { says: textTurn, request: { messages: [{ role: 'user', content }] } })
      await serveChat(chat.provider, chat.request, toCall())
      expect(chat.asked()[0]?.messages.at(-1)).toMatchObject({
        text: 'What is it?',
        images: [{ mimeType: 'image/png', base64 }],
      })
    },
  },
  {
    capability: 'usage',
    title: 'usage adds up',
    async run(under) {
      await using chat = await openChat(under, { says: textTurn })
      const { usage } = await serveChat(chat.provider, chat.request, toCall())
      expectUsage(usage, chat.says)
    },
  },
  {
    capability: 'usage in streams',
    title: 'usage comes last and once when it was asked for',
    async run(under) {
      const request = { stream_options: { include_usage: true } }
      await using chat = await openChat(under, { says: textTurn, request })
      const chunks = await serveChatStream(chat.provider, chat.request, { call: toCall() })
      const counted = chunks.filter((chunk) => chunk.usage !== undefined && chunk.usage !== null)
      expect(counted).toHaveLength(1)
      expect(chunks.at(-1)).toBe(counted[0])
      expect(counted[0]?.choices).toEqual([])
      expectUsage(counted[0]?.usage, chat.says)
    },
  },
  {
    capability: 'content filter',
    title: 'an answer that was filtered says so',
    scriptedOnly: true,
    async run(under) {
      await using chat = await openChat(under, { says: filteredTurn })
      const { choices } = await serveChat(chat.provider, chat.request, toCall())
      expect(choices[0]?.finish_reason).toBe('content_filter')
      const chunks = await serveChatStream(chat.provider, chat.request, { call: toCall() })
      expect(foldChatChunks(chunks).choices[0]?.finish_reason).toBe('content_filter')
    },
  },
  {
    capability: 'unknown fields',
    title: 'a field that nobody here knows reaches the vendor',
    scriptedOnly: true,
    async run(under) {
      const request = { vendor_field: { deep: [1, 'two'] } } as Partial<ChatCompletionRequest>
      await using chat = await openChat(under, { says: textTurn, request })
      await serveChat(chat.provider, chat.request, toCall())
      expect(chat.asked()[0]?.extra).toMatchObject({ vendor_field: { deep: [1, 'two'] } })
    },
  },
]

function expectSays(completion: ChatCompletion, says: VendorTurn | undefined): void {
  expect(completion.id).toMatch(/./)
  expect(completion.choices).toHaveLength(1)
  const [choice] = completion.choices
  expect(choice).toMatchObject({ index: 0, message: { role: 'assistant' } })
  expect(choice?.finish_reason).toMatch(/^(?:stop|length|tool_calls|content_filter)$/)
  if (says === undefined) return
  expect(choice?.finish_reason).toBe(says.finish)
  expect(choice?.message.content ?? '').toBe(says.pieces.join(''))
  const calls = (choice?.message.tool_calls ?? []).map(({ function: of }) => ({
    name: of?.name,
    arguments: JSON.parse(of?.arguments ?? '') as unknown,
  }))
  expect(calls).toEqual(says.toolCalls.map(({ name, arguments: of }) => ({ name, arguments: of })))
}

/** The laws of a stream, and that it amounts to the same as the whole reply. */
async function expectStream(chat: ChatUnderTest): Promise<void> {
  const whole = await serveChat(chat.provider, chat.request, toCall())
  const chunks = await serveChatStream(chat.provider, chat.request, { call: toCall() })
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  expect(new Set(chunks.map(({ model }) => model)).size).toBe(1)
  expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
  const ends = chunks.flatMap((chunk, at) => chunk.choices.filter((one) => one.finish_reason !== null).map(() => at))
  expect(ends).toHaveLength(1)
  expect(chunks.slice((ends[0] ?? 0) + 1).every(isSilent)).toBe(true)
  expectToolDeltas(chunks)
  const folded = foldChatChunks(chunks)
  expectSays(folded, chat.says)
  expect(folded.choices.map(withoutIds)).toEqual(whole.choices.map(withoutIds))
}

function isSilent(chunk: ChatCompletionChunk): boolean {
  return chunk.choices.every(({ delta }) => (delta.content ?? '') === '' && (delta.tool_calls ?? []).length === 0)
}

/** Indices begin at 0 and rise by one; the first piece of a call has its id and its name. */
function expectToolDeltas(chunks: readonly ChatCompletionChunk[]): void {
  let opened = 0
  for (const call of chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])) {
    expect(call.index).toBeLessThanOrEqual(opened)
    if (call.index < opened) continue
    expect(call.id).toMatch(/./)
    expect(call.function?.name).toMatch(/./)
    opened += 1
  }
}

/** What of a choice is the same in both modes: ids that the adapter makes up are not. */
function withoutIds({ message, finish_reason }: ChatCompletion['choices'][number]) {
  return {
    finish_reason,
    content: message.content ?? '',
    calls: (message.tool_calls ?? []).map(({ function: of }) => [of?.name, JSON.parse(of?.arguments ?? '') as unknown]),
  }
}

function expectUsage(usage: ChatCompletion['usage'], says: VendorTurn | undefined): void {
  expect(usage?.prompt_tokens).toBeGreaterThan(0)
  expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
  if (says === undefined) return
  expect(usage).toMatchObject({ prompt_tokens: says.usage.inputTokens, completion_tokens: says.usage.outputTokens })
}

function cutStream(
  { contentType, frames }: { contentType: string; frames: readonly (string | Uint8Array)[] },
  size: number,
) {
  const bytes = Buffer.concat(frames.map((frame) => Buffer.from(frame as string)))
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
  return { headers: { 'content-type': contentType }, frames: pieces }
}
