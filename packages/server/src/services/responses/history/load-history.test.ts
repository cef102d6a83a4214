import type { ChatMessage, Principal } from '@llama-stack/api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NewConversationItem, ResponseRow } from '../../../storage/agent-state.ts'
import { newcomer } from '../../../testing/newcomer.ts'
import { createTemporaryStorage } from '../../../testing/temporary-storage.ts'
import { loadHistory } from './load-history.ts'
import type { LoadedHistory } from './loaded-history.ts'

let opened: Awaited<ReturnType<typeof createTemporaryStorage>>
beforeAll(async () => {
  opened = await createTemporaryStorage()
})
afterAll(() => opened[Symbol.asyncDispose]())

const CONVERSATION = 'conv_1'

/** One conversation of somebody new. */
async function converse() {
  const owner: Principal = newcomer()
  const { storage } = opened
  const [responses, conversations] = [storage.responses(owner), storage.conversations(owner)]
  await conversations.insert({ id: CONVERSATION, createdAtMs: 1, metadata: {} }, [])
  return {
    responses,
    conversations,
    add: (...items: readonly object[]): Promise<boolean> => conversations.addItems(CONVERSATION, items.map(toNewItem)),
    respond: async ({ id, input, output, messages }: Exchange): Promise<void> => {
      const items = [...input, ...output].map((item) => ({ ...toNewItem(item), responseId: id }))
      await responses.insert(
        { ...blank, id, input: texts(input), output: texts(output), messages: texts(messages) },
        { addition: { conversationId: CONVERSATION, items } },
      )
    },
    load: (): Promise<LoadedHistory> =>
      loadHistory({ previousId: undefined, conversationId: CONVERSATION }, owner, {
        storage,
        files: undefined,
        reading: {},
      }),
  }
}

/** A response, and what it added to its conversation. */
interface Exchange {
  readonly id: string
  readonly input: readonly object[]
  readonly output: readonly object[]
  readonly messages: readonly ChatMessage[]
}

const blank: Omit<ResponseRow, 'id' | 'input' | 'output' | 'messages'> = {
  createdAtMs: 1,
  model: 'm',
  status: 'completed',
  background: false,
  previousId: null,
  conversationId: CONVERSATION,
  body: '{}',
  state: null,
}

const texts = (values: readonly object[]): string[] => values.map((each) => JSON.stringify(each))
const toNewItem = (item: object): NewConversationItem => ({
  id: String((item as { id?: unknown }).id),
  item: JSON.stringify(item),
})

const said = (id: string, text: string, role = 'user') => ({
  id,
  type: 'message',
  role,
  status: 'completed',
  content: [{ type: role === 'user' ? 'input_text' : 'output_text', text }],
})

/** A question that a tool of the server helped to answer; what was told has members that no item has. */
function exchange(id: string): Exchange {
  const call = {
    index: 0,
    id: `vendor_${id}`,
    type: 'function',
    function: { name: 'look', arguments: '{"at": 1}' },
    extra_content: { signature: `sealed ${id}` },
  }
  return {
    id,
    input: [said(`msg_${id}_in`, `question ${id}`)],
    output: [
      {
        id: `mcp_${id}`,
        type: 'mcp_call',
        server_label: 's',
        name: 'look',
        arguments: '{"at": 1}',
        output: `seen ${id}`,
      },
      said(`msg_${id}_out`, `answer ${id}`, 'assistant'),
    ],
    messages: [
      { role: 'user', content: `question ${id}` },
      { role: 'assistant', content: '', tool_calls: [call], reasoning_content: 'hm' },
      { role: 'tool', tool_call_id: `vendor_${id}`, content: `seen ${id}` },
      { role: 'assistant', content: `answer ${id}` },
    ],
  }
}

const clientCall: Exchange = {
  id: 'asks',
  input: [said('msg_asks', 'weather?')],
  output: [
    { id: 'fc_asks', type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{}', status: 'completed' },
  ],
  messages: [
    { role: 'user', content: 'weather?' },
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
      reasoning_content: 'the weather, then',
    },
  ],
}
const clientAnswer: Exchange = {
  id: 'goes_on',
  input: [{ id: 'fco_1', type: 'function_call_output', call_id: 'c1', output: 'sun', status: 'completed' }],
  output: [said('msg_goes_on', 'Sunny.', 'assistant')],
  messages: [
    { role: 'tool', tool_call_id: 'c1', content: 'sun' },
    { role: 'assistant', content: 'Sunny.' },
  ],
}

describe('the history of a conversation', () => {
  test('is what its responses told their models, to the byte', async () => {
    const { respond, load } = await converse()
    const exchanges = [exchange('a'), clientCall, clientAnswer, exchange('b')]
    for (const each of exchanges) await respond(each)
    const loaded = await load()
    const { chat } = loaded
    expect(texts(chat.messages)).toEqual(texts(exchanges.flatMap(({ messages }) => messages)))
    expect(chat.openCalls).toEqual([])
    expect(loaded.find('mcp_b')).toEqual(exchange('b').output[0])
    expect(loaded.find('mcp_')).toBeUndefined()
  })

  test('has what was added by itself, in its place', async () => {
    const { add, respond, load } = await converse()
    await add(said('msg_1', 'Before.'))
    await respond(clientCall)
    await add({ id: 'fco_2', type: 'function_call_output', call_id: 'c1', output: 'rain' }, said('msg_2', 'Between.'))
    await respond(exchange('a'))
    await add(said('msg_3', 'After.'))
    expect((await load()).chat.messages).toEqual([
      { role: 'user', content: 'Before.' },
      ...clientCall.messages,
      { role: 'tool', tool_call_id: 'c1', content: 'rain' },
      { role: 'user', content: 'Between.' },
      ...exchange('a').messages,
      { role: 'user', content: 'After.' },
    ])
  })

  test('is made of the items of a response that is gone, or of which a part was deleted', async () => {
    const { responses, conversations, respond, load } = await converse()
    for (const id of ['a', 'b', 'c']) await respond(exchange(id))
    await responses.delete('a')
    await conversations.deleteItem(CONVERSATION, 'msg_c_in')
    const converted = (id: string): object[] => [
      { role: 'assistant', tool_calls: [{ id: `mcp_${id}` }] },
      { role: 'tool', tool_call_id: `mcp_${id}`, content: `seen ${id}` },
      { role: 'assistant', content: `answer ${id}` },
    ]
    const { messages } = (await load()).chat
    expect(messages).toMatchObject([
      { role: 'user', content: 'question a' },
      ...converted('a'),
      ...exchange('b').messages,
      ...converted('c'),
    ])
  })

  test('says so where the call of an answer was deleted', async () => {
    const { conversations, respond, load } = await converse()
    await respond(clientCall)
    await respond(clientAnswer)
    await conversations.deleteItem(CONVERSATION, 'fc_asks')
    const refused = { code: 'invalid_value', param: 'conversation.items[1].call_id' }
    await expect(load()).rejects.toMatchObject(refused)
  })

  test('keeps the order of what is left, whatever is deleted, and what responses have kept whole', async () => {
    const entry = fc.record({
      isResponse: fc.boolean(),
      isGone: fc.boolean(),
      isCut: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
        const { responses, conversations, add, respond, load } = await converse()
        const expected: (readonly object[])[] = []
        for (const [index, { isResponse, isGone, isCut }] of entries.entries()) {
          const id = `r${index}`
          if (!isResponse) {
            await add(said(`msg_${id}`, `added ${id}`))
            expected.push([{ content: `added ${id}` }])
            continue
          }
          const { messages } = exchange(id)
          await respond(exchange(id))
          if (isGone) await responses.delete(id)
          if (isCut) await conversations.deleteItem(CONVERSATION, `msg_${id}_out`)
          const [question = {}, , , answer = {}] = messages
          const told = [{ tool_calls: [{ id: `mcp_${id}` }] }, { tool_call_id: `mcp_${id}` }]
          if (isCut) expected.push([question, ...told])
          else expected.push(isGone ? [question, ...told, answer] : messages)
        }
        expect((await load()).chat.messages).toMatchObject(expected.flat())
      }),
      { numRuns: 40 },
    )
  })

  test('is nobody else’s', async () => {
    const { respond } = await converse()
    await respond(exchange('a'))
    const theirs = { previousId: undefined, conversationId: CONVERSATION }
    const world = { storage: opened.storage, files: undefined, reading: {} }
    await expect(loadHistory(theirs, newcomer(), world)).rejects.toMatchObject({ code: 'conversation_not_found' })
  })
})
