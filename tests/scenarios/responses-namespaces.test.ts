/** Tools that a request has in groups. */
import { expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import { calls, says } from './scripted-model.ts'

const inner = (type: string, name: string, more: object = {}) => ({ type, name, ...more })
const crm = {
  type: 'namespace',
  name: 'crm',
  description: 'What is known of customers.',
  tools: [
    inner('function', 'find', {
      description: 'Finds one.',
      parameters: { type: 'object', properties: {} },
      strict: false,
    }),
    inner('custom', 'note'),
  ],
} as never

test('[B094] a call of a tool in a namespace says which, and is answered like any other', async () => {
  await withResponses({ door: 'fetch' }, async (under) => {
    const { model } = under
    model.answers(
      'Go',
      calls({ id: 'c1', name: 'find' }, { id: 'c2', name: 'note', arguments: { input: 'Hi' } }),
      says('Done.'),
    )
    const { response, events } = await under.stream({ input: 'Go', tools: [crm] })
    expect(response.output).toMatchObject([
      { type: 'function_call', name: 'find', namespace: 'crm', call_id: 'c1' },
      { type: 'custom_tool_call', name: 'note', namespace: 'crm', call_id: 'c2', input: 'Hi' },
    ])
    const added = events.find(({ type }) => type === 'response.output_item.added')
    expect(added).toMatchObject({ item: { namespace: 'crm' } })
    // The model is told of the group with each of its tools.
    expect(model.asked[0]?.tools).toMatchObject([
      { function: { name: 'find', description: 'Finds one.\n\nIt belongs to crm: What is known of customers.' } },
      { function: { name: 'note', description: expect.stringContaining('It belongs to crm') } },
    ])
    const outputs = [
      { type: 'function_call_output', call_id: 'c1', output: 'Anna' },
      { type: 'custom_tool_call_output', call_id: 'c2', output: 'noted' },
    ]
    // A client that keeps the conversation itself sends the calls back as it got them.
    const input = [{ role: 'user', content: 'Go' }, ...response.output, ...outputs] as never
    const { output } = await under.ask({ input, tools: [crm], store: false })
    expect(output).toMatchObject([{ content: [{ text: 'Done.' }] }])
    expect(model.asked.at(-1)?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', tool_calls: [{ id: 'c1', function: { name: 'find' } }] },
      { role: 'tool', tool_call_id: 'c1' },
      { role: 'assistant', tool_calls: [{ id: 'c2', function: { name: 'note' } }] },
      { role: 'tool', tool_call_id: 'c2' },
    ])
  })
})

test('tools of one name in two namespaces are refused: a chat could not tell them apart', async () => {
  await withResponses({ door: 'fetch' }, async (under) => {
    const erp = { ...(crm as object), name: 'erp' } as never
    const refused = await under.refusal({ input: 'Go', tools: [crm, erp] })
    expect(refused).toMatchObject({ status: 400, code: 'invalid_value', param: 'tools[1].tools[0].name' })
  })
})

test('a call outside of a namespace names none', async () => {
  await withResponses({ door: 'fetch' }, async (under) => {
    under.model.answers('Go', calls({ id: 'c1', name: 'find' }))
    const tools = [{ type: 'function', name: 'find', parameters: {} } as never]
    const { output } = await under.ask({ input: 'Go', tools })
    expect(output[0]).not.toHaveProperty('namespace')
  })
})
