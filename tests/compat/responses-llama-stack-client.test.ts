import LlamaStackClient from 'llama-stack-client'
import { getResponseOutputText } from 'llama-stack-client/lib/response-helpers'
import type { ResponseObjectStream } from 'llama-stack-client/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { startMcpServer, TINY_PNG } from '../../packages/server/src/testing/mcp-servers.ts'
import { doors } from '../scenarios/stack-under-test.ts'
import type { UnderTest, UnderTestOptions } from '../scenarios/stack-under-test.ts'
import { MODEL, withResponses } from './responses-rig.ts'

// Its type of `fetch` is that of a package; the server's door takes what it passes.
const toClient = ({ url, fetch }: UnderTest): LlamaStackClient =>
  new LlamaStackClient({ baseURL: url, fetch: fetch as never, maxRetries: 0 })

const add = {
  type: 'function' as const,
  name: 'add',
  parameters: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
}

describe.each(doors)('llama-stack-client, through the %s [B114]', (door) => {
  test('creates responses, streamed and not', async () => {
    await withResponses({ door }, async (under) => {
      const { responses } = toClient(under)
      const response = await responses.create({ model: MODEL, input: 'Hi', instructions: 'Be kind.' })
      expect(response).toMatchObject({ object: 'response', status: 'completed', error: null })
      expect(getResponseOutputText(response)).toBe('I heard: Hi.')
      const events: ResponseObjectStream[] = []
      const stream = await responses.create({ model: MODEL, input: 'think of it', stream: true })
      for await (const event of stream) events.push(event)
      const text = events
        .flatMap((event) => (event.type === 'response.output_text.delta' ? [event.delta] : []))
        .join('')
      expect(text).toBe('I heard: think of it.')
      expect(events.at(-1)?.type).toBe('response.completed')
    })
  })

  test('calls its functions, and goes on from the response', async () => {
    await withResponses({ door }, async (under) => {
      const { responses } = toClient(under)
      const called = await responses.create({ model: MODEL, input: 'call add {"a":1,"b":2}', tools: [add] })
      const call = called.output[0]
      if (call?.type !== 'function_call') throw new Error('there is no call')
      expect(call).toMatchObject({ name: 'add', arguments: '{"a":1,"b":2}' })
      const answered = await responses.create({
        model: MODEL,
        previous_response_id: called.id,
        input: [{ type: 'function_call_output', call_id: call.call_id, output: '3' }],
      })
      expect(getResponseOutputText(answered)).toBe('The tools said: 3')
    })
  })

  test('gives an answer in the form of a schema, and shows images', async () => {
    await withResponses({ door }, async (under) => {
      const { responses } = toClient(under)
      const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
      const formed = await responses.create({
        model: MODEL,
        input: 'write {"city":"Paris"}',
        text: { format: { type: 'json_schema', name: 'trip', schema } },
      })
      expect(JSON.parse(getResponseOutputText(formed))).toEqual({ city: 'Paris' })
      const image_url = `data:image/png;base64,${TINY_PNG}`
      const content = [
        { type: 'input_text' as const, text: 'Look' },
        { type: 'input_image' as const, image_url },
      ]
      const seen = await responses.create({ model: MODEL, input: [{ role: 'user', content }] })
      expect(getResponseOutputText(seen)).toBe('I heard: Look. I saw 1 image.')
    })
  })

  test('lists, fetches and deletes responses, and reads their input', async () => {
    await withResponses({ door }, async (under) => {
      const { responses } = toClient(under)
      const created = []
      for (const input of ['One', 'Two', 'Three']) created.push(await responses.create({ model: MODEL, input }))
      const listed: string[] = []
      for await (const { id } of responses.list({ limit: 2, order: 'asc' })) listed.push(id)
      expect(listed).toEqual(created.map(({ id }) => id))
      const id = listed[0] ?? ''
      expect((await responses.retrieve(id)).id).toBe(id)
      const items = await responses.inputItems.list(id)
      expect(items.data).toMatchObject([{ role: 'user', content: [{ type: 'input_text', text: 'One' }] }])
      expect(await responses.delete(id)).toMatchObject({ id, deleted: true })
      await expect(responses.retrieve(id)).rejects.toMatchObject({ status: 404 })
    })
  })

  test('keeps conversations', async () => {
    await withResponses({ door }, async (under) => {
      const { conversations, responses } = toClient(under)
      const { id } = await conversations.create({
        metadata: { topic: 'names' },
        items: [{ type: 'message', role: 'user', content: 'I am Ann' }],
      })
      const response = await responses.create({ model: MODEL, conversation: id, input: 'Who am I?' })
      expect(getResponseOutputText(response)).toBe('I heard: I am Ann / Who am I?.')
      const added = await conversations.items.create(id, {
        items: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'More' }] }],
      })
      const itemId = String((added.data[0] as { id?: string | null } | undefined)?.id)
      const types: string[] = []
      for await (const item of conversations.items.list(id, { order: 'asc', limit: 2 })) types.push(item.type ?? '')
      expect(types).toEqual(['message', 'message', 'message', 'message'])
      expect(await conversations.items.get(id, itemId)).toMatchObject({ id: itemId, role: 'user' })
      await conversations.items.delete(id, itemId)
      await expect(conversations.items.get(id, itemId)).rejects.toMatchObject({ status: 404 })
      expect(await conversations.update(id, { metadata: { topic: 'people' } })).toMatchObject({
        metadata: { topic: 'people' },
      })
      expect(await conversations.retrieve(id)).toMatchObject({ metadata: { topic: 'people' } })
      expect(await conversations.delete(id)).toMatchObject({ deleted: true })
    })
  })

  test('keeps prompts in versions, and answers by them', async () => {
    await withResponses({ door }, async (under) => {
      const { prompts, responses } = toClient(under)
      const created = await prompts.create({ prompt: 'Speak {{ tongue }}.', variables: ['tongue'] })
      expect(created).toMatchObject({ version: 1, variables: ['tongue'] })
      const { prompt_id: id } = created
      const prompt = { id, variables: { tongue: { type: 'input_text' as const, text: 'Latin' } } }
      await responses.create({ model: MODEL, input: 'Hi', prompt })
      expect(under.chats()[0]?.messages[0]).toMatchObject({ role: 'system', content: 'Speak Latin.' })
      const updated = await prompts.update(id, {
        prompt: 'Always speak {{ tongue }}.',
        version: 1,
        variables: ['tongue'],
        set_as_default: false,
      })
      expect(updated.version).toBe(2)
      await responses.create({ model: MODEL, input: 'Hi', prompt: { ...prompt, version: '2' } })
      expect(under.chats()[1]?.messages[0]).toMatchObject({ role: 'system', content: 'Always speak Latin.' })
      expect((await prompts.retrieve(id)).version).toBe(1)
      expect(await prompts.setDefaultVersion(id, { version: 2 })).toMatchObject({ version: 2, is_default: true })
      expect((await prompts.retrieve(id, { version: 1 })).prompt).toBe('Speak {{ tongue }}.')
      expect((await prompts.versions.list(id)).map(({ version }) => version)).toEqual([1, 2])
      expect((await prompts.list()).map(({ prompt_id }) => prompt_id)).toEqual([id])
      await prompts.delete(id)
      await expect(prompts.retrieve(id)).rejects.toMatchObject({ status: 404 })
    })
  })

  test('has the server call the tools of an MCP server, with approval', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, config: { server: { allowPrivateUrls: true } } }, async (under) => {
      const { responses } = toClient(under)
      const asked = {
        model: MODEL,
        input: 'call add {"a":1,"b":2}',
        tools: [
          { type: 'mcp' as const, server_label: 'sums', server_url: mcp.url, require_approval: 'always' as const },
        ],
      }
      const first = await responses.create(asked)
      const request = first.output.find((item) => item.type === 'mcp_approval_request')
      const approval = { type: 'mcp_approval_response' as const, approval_request_id: request?.id ?? '', approve: true }
      const second = await responses.create({ ...asked, previous_response_id: first.id, input: [approval] })
      expect(getResponseOutputText(second)).toBe('The tools said: 3')
      expect(second.output.map(({ type }) => type)).toEqual(['mcp_call', 'message'])
    })
  })
})

const guarded: UnderTestOptions['configOf'] = ({ url }) => ({
  providers: [
    { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
    { api: 'safety', id: 'rules', type: 'inline::rules', config: { pii: { email: 'block' } } },
  ],
  resources: { shields: [{ shield_id: 'house-rules', provider_id: 'rules' }] },
})

test.each(doors)('llama-stack-client is guarded by shields, through the %s [B114]', async (door) => {
  await withResponses({ door, configOf: guarded }, async (under) => {
    const client = toClient(under)
    const guardrails = ['house-rules']
    const refused = await client.responses.create({ model: MODEL, input: 'I am ann@example.com', guardrails })
    expect(refused.output[0]).toMatchObject({ type: 'message', content: [{ type: 'refusal' }] })
    expect(under.chats()).toHaveLength(0)
    const allowed = await client.responses.create({ model: MODEL, input: 'Hi', guardrails })
    expect(getResponseOutputText(allowed)).toBe('I heard: Hi.')
    const shields = await client.shields.list()
    expect(shields.map(({ identifier }) => identifier)).toEqual(['house-rules'])
    const checked = await client.safety.runShield({
      shield_id: 'house-rules',
      messages: [{ role: 'user', content: 'I am ann@example.com' }],
    })
    expect(checked.violation?.violation_level).toBe('error')
  })
})
