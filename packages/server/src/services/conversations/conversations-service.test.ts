import { InputItem, ItemPage, type CallContext, type Conversations } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { createIds } from '../../kernel/ids.ts'
import { callBy } from '../../testing/model-rig.ts'
import { valueOf } from '../../testing/reply-value.ts'
import { createTemporaryStorage } from '../../testing/temporary-storage.ts'
import { createConversationsService } from './conversations-service.ts'

let opened: Awaited<ReturnType<typeof createTemporaryStorage>>
let service: Conversations
beforeAll(async () => {
  opened = await createTemporaryStorage()
  service = createConversationsService({ storage: opened.storage, clock: systemClock, ids: createIds() })
})
afterAll(() => opened[Symbol.asyncDispose]())

const text = (content: string, id?: string): InputItem =>
  InputItem.parse({ role: 'user', content, ...(id === undefined ? {} : { id }) })

const list = (id: string, context: CallContext, more = {}): Promise<ItemPage> =>
  valueOf(service.listConversationItems({ conversation_id: id, limit: 20, order: 'asc', ...more }, context))

/** One of every kind in OpenAI's document, as a client sends it. */
const everyKind: object[] = [
  { type: 'message', role: 'user', content: 'Hi' },
  { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes', annotations: [] }] },
  { type: 'reasoning', summary: [{ type: 'summary_text', text: 's' }] },
  { type: 'compaction', encrypted_content: 'e' },
  { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
  { type: 'function_call_output', call_id: 'c', output: [{ type: 'input_text', text: 'x' }] },
  { type: 'custom_tool_call', call_id: 'c', name: 'f', input: 'x' },
  { type: 'custom_tool_call_output', call_id: 'c', output: 'x' },
  { type: 'file_search_call', status: 'completed', queries: ['q'] },
  { type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'q' } },
  { type: 'mcp_list_tools', server_label: 's', tools: [{ name: 't', input_schema: { type: 'object' } }] },
  { type: 'mcp_call', server_label: 's', name: 't', arguments: '{}', output: 'x' },
  { type: 'mcp_approval_request', id: 'mcpr_1', server_label: 's', name: 't', arguments: '{}' },
  { type: 'mcp_approval_response', approval_request_id: 'mcpr_1', approve: true },
  { type: 'computer_call', call_id: 'c', action: { type: 'click' }, status: 'completed' },
  { type: 'computer_call_output', call_id: 'c', output: { type: 'computer_screenshot', file_id: 'f' } },
  { type: 'image_generation_call', status: 'completed', result: 'aW1n' },
  { type: 'code_interpreter_call', container_id: 'c', code: '1', status: 'completed' },
  { type: 'local_shell_call', call_id: 'c', action: { type: 'exec', command: ['ls'] }, status: 'completed' },
  { type: 'local_shell_call_output', output: 'x' },
  { type: 'shell_call', call_id: 'c', action: { commands: ['ls'] } },
  { type: 'shell_call_output', call_id: 'c', output: [{ stdout: 'x', stderr: '', outcome: { type: 'exit' } }] },
  { type: 'apply_patch_call', call_id: 'c', operation: { type: 'delete_file', path: 'a' }, status: 'completed' },
  { type: 'apply_patch_call_output', call_id: 'c', status: 'completed' },
  { type: 'tool_search_call', arguments: {}, status: 'completed' },
  { type: 'tool_search_output', tools: [{ type: 'function' }], status: 'completed' },
]

describe('a conversation', () => {
  test('is created, read, changed and deleted', async () => {
    const anna = callBy()
    const created = await valueOf(service.createConversation({ metadata: { topic: 'a' }, items: [text('Hi')] }, anna))
    expect(created).toMatchObject({ object: 'conversation', metadata: { topic: 'a' } })
    expect(created.id).toMatch(/^conv_[0-9a-f]{48}$/)
    expect(Math.abs(created.created_at - Date.now() / 1000)).toBeLessThan(10)
    const path = { conversation_id: created.id }
    expect(await valueOf(service.retrieveConversation(path, anna))).toEqual(created)
    const changed = await valueOf(service.updateConversation({ ...path, metadata: { b: '2' } }, anna))
    expect(changed).toEqual({ ...created, metadata: { b: '2' } })
    expect((await valueOf(service.updateConversation({ ...path, metadata: null }, anna))).metadata).toEqual({})
    expect(await valueOf(service.deleteConversation(path, anna))).toEqual({
      id: created.id,
      object: 'conversation.deleted',
      deleted: true,
    })
    await expect(service.retrieveConversation(path, anna)).rejects.toMatchObject({ code: 'conversation_not_found' })
    await expect(list(created.id, anna)).rejects.toMatchObject({ code: 'conversation_not_found', status: 404 })
  })

  test('may begin with nothing', async () => {
    const anna = callBy()
    const { id, metadata } = await valueOf(service.createConversation({}, anna))
    expect(metadata).toEqual({})
    expect(await list(id, anna)).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false })
  })

  test('has 16 pairs at most', async () => {
    const anna = callBy()
    const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
    const { id } = await valueOf(service.createConversation({ metadata: pairs(16) }, anna))
    const refused = { code: 'invalid_value', param: 'metadata', message: expect.stringContaining('17 pairs') }
    await expect(service.createConversation({ metadata: pairs(17) }, anna)).rejects.toMatchObject(refused)
    const update = service.updateConversation({ conversation_id: id, metadata: pairs(17) }, anna)
    await expect(update).rejects.toMatchObject(refused)
  })

  test('is found by its owner only', async () => {
    const [anna, otto] = [callBy('anna'), callBy('otto')]
    const { id } = await valueOf(service.createConversation({ items: [text('Hi', 'msg_1')] }, anna))
    const path = { conversation_id: id }
    const item = { ...path, item_id: 'msg_1' }
    const attempts = [
      service.retrieveConversation(path, otto),
      service.updateConversation({ ...path, metadata: {} }, otto),
      service.deleteConversation(path, otto),
      service.createConversationItems({ ...path, items: [text('mine', 'msg_1')] }, otto),
      list(id, otto),
      service.retrieveConversationItem(item, otto),
      service.deleteConversationItem(item, otto),
    ]
    const refused = attempts.map((attempt) => expect(attempt).rejects.toMatchObject({ code: 'conversation_not_found' }))
    await Promise.all(refused)
    expect((await list(id, anna)).data).toHaveLength(1)
  })
})

describe('items', () => {
  test('of every kind are kept and given back, in their order', async () => {
    const anna = callBy()
    const { id } = await valueOf(service.createConversation({}, anna))
    const path = { conversation_id: id }
    const added = []
    for (const half of [everyKind.slice(0, 13), everyKind.slice(13)]) {
      const items = half.map((item) => InputItem.parse(item))
      const page = await valueOf(service.createConversationItems({ ...path, items }, anna))
      expect(ItemPage.parse(page)).toEqual(page)
      expect([page.first_id, page.last_id, page.has_more]).toEqual([page.data[0]?.id, page.data.at(-1)?.id, false])
      added.push(...page.data)
    }
    expect(added.map(({ type }) => type)).toEqual(everyKind.map((item) => ('type' in item ? item.type : '')))
    expect((await list(id, anna, { limit: 100 })).data).toEqual(added)
    for (const item of added) {
      expect(await valueOf(service.retrieveConversationItem({ ...path, item_id: item.id }, anna))).toEqual(item)
    }
  })

  test('are listed page by page', async () => {
    const anna = callBy()
    const items = ['a', 'b', 'c', 'd', 'e'].map((id) => text(id, id))
    const { id } = await valueOf(service.createConversation({ items }, anna))
    const first = await list(id, anna, { limit: 2, order: 'desc' })
    expect(first).toMatchObject({ first_id: 'e', last_id: 'd', has_more: true })
    const rest = await list(id, anna, { limit: 3, order: 'desc', after: 'd' })
    expect(rest).toMatchObject({ first_id: 'c', last_id: 'a', has_more: false })
    await expect(list(id, anna, { after: 'z' })).rejects.toMatchObject({ code: 'invalid_value', param: 'after' })
  })

  test('show what is asked for', async () => {
    const anna = callBy()
    const image = { role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,AA==' }], id: 'm' }
    const { id } = await valueOf(service.createConversation({ items: [InputItem.parse(image)] }, anna))
    const path = { conversation_id: id, item_id: 'm' }
    const include = ['message.input_image.image_url' as const]
    const url = { content: [{ type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' }] }
    const none = { content: [{ type: 'input_image', detail: 'auto' }] }
    expect(await valueOf(service.retrieveConversationItem(path, anna))).toMatchObject(none)
    expect((await list(id, anna)).data[0]).not.toMatchObject(url)
    expect(await valueOf(service.retrieveConversationItem({ ...path, include }, anna))).toMatchObject(url)
    expect((await list(id, anna, { include })).data[0]).toMatchObject(url)
    const more = { conversation_id: id, items: [InputItem.parse({ ...image, id: 'n' })] }
    expect((await valueOf(service.createConversationItems({ ...more, include }, anna))).data[0]).toMatchObject(url)
  })

  test('are deleted one by one, and answered with the conversation', async () => {
    const anna = callBy()
    const created = await valueOf(service.createConversation({ items: [text('a', 'a'), text('b', 'b')] }, anna))
    const item = { conversation_id: created.id, item_id: 'a' }
    expect(await valueOf(service.deleteConversationItem(item, anna))).toEqual(created)
    const gone = { code: 'item_not_found', status: 404, message: expect.stringContaining("'a'") }
    await expect(service.deleteConversationItem(item, anna)).rejects.toMatchObject(gone)
    await expect(service.retrieveConversationItem(item, anna)).rejects.toMatchObject(gone)
    expect((await list(created.id, anna)).data.map(({ id }) => id)).toEqual(['b'])
  })

  test('never take the place of others', async () => {
    const anna = callBy()
    const { id } = await valueOf(service.createConversation({ items: [text('first', 'a')] }, anna))
    const again = service.createConversationItems(
      { conversation_id: id, items: [text('b', 'b'), text('x', 'a')] },
      anna,
    )
    await expect(again).rejects.toMatchObject({ code: 'invalid_value', param: 'items' })
    const twice = service.createConversation({ items: [text('x', 'c'), text('y', 'c')] }, anna)
    await expect(twice).rejects.toMatchObject({ code: 'invalid_value' })
    expect((await list(id, anna)).data).toMatchObject([{ id: 'a', content: [{ text: 'first' }] }])
  })
})
