/** Responses in a conversation: what models are told of it, and what becomes of calls that wait for somebody. */
import { describe, expect, test } from 'vitest'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponseQuestion, ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { Door, UnderTestOptions } from './stack-under-test.ts'

const scene = (door: Door): UnderTestOptions => ({ door, config: { server: { allowPrivateUrls: true } } })

async function post(under: ResponsesScene, path: string, body: object = {}): Promise<{ readonly id: string }> {
  const reply = await under.call(`POST /v1/${path}`, body)
  expect(reply.status).toBe(200)
  // What the routes have.
  return (await reply.json()) as { id: string }
}

/** What the model was told the last time. */
const told = ({ model }: ResponsesScene): readonly object[] => model.asked.at(-1)?.messages ?? []

const weather = { type: 'function', name: 'weather', parameters: { type: 'object', properties: {} } }

describe.each(doors)('through the %s', (door) => {
  test('a conversation is told to the model in the very bytes that it was told before', async () => {
    await withResponses(scene(door), async (under) => {
      const { id: conversation } = await post(under, 'conversations')
      under.model.answers(
        'Weather?',
        streams(
          [
            { delta: { reasoning_content: 'The weather, then.' } },
            {
              delta: {
                tool_calls: [
                  {
                    index: 0,
                    id: 'vendor_1',
                    type: 'function',
                    function: { name: 'weather', arguments: '{ "city":"Bonn" }' },
                    extra_content: { google: { thought_signature: 'sealed' } },
                  },
                ],
              },
            },
          ],
          { finish: 'tool_calls' },
        ),
        says('Sunny.'),
      )
      const ask = (input: ResponseQuestion['input']) => under.ask({ input, conversation, tools: [weather as never] })
      const { output } = await ask('Weather?')
      expect(output).toMatchObject([{ type: 'reasoning' }, { type: 'function_call', call_id: 'vendor_1' }])
      await ask([{ type: 'function_call_output', call_id: 'vendor_1', output: 'sun' }])
      const before = told(under)
      expect(before).toMatchObject([
        { role: 'user', content: 'Weather?' },
        {
          role: 'assistant',
          tool_calls: [{ id: 'vendor_1', extra_content: { google: { thought_signature: 'sealed' } } }],
        },
        { role: 'tool', tool_call_id: 'vendor_1', content: 'sun' },
      ])
      await post(under, `conversations/${conversation}/items`, { items: [{ role: 'user', content: 'I like it.' }] })
      under.model.answers('Thanks.', says('You are welcome.'))
      await ask('Thanks.')
      const after = told(under)
      expect(JSON.stringify(after.slice(0, before.length))).toBe(JSON.stringify(before))
      expect(after.slice(before.length)).toMatchObject([
        { role: 'assistant', content: 'Sunny.' },
        { role: 'user', content: 'I like it.' },
        { role: 'user', content: 'Thanks.' },
      ])
    })
  })

  test('what is deleted from it is not told any more, and the rest is', async () => {
    await withResponses(scene(door), async (under) => {
      const { id: conversation } = await post(under, 'conversations')
      under.model.answers('One', says('First.'))
      under.model.answers('Two', says('Second.'))
      const first = await under.ask({ input: 'One', conversation })
      const second = await under.ask({ input: 'Two', conversation })
      await under.call(`DELETE /v1/conversations/${conversation}/items/${first.output[0]?.id}`)
      await under.call(`DELETE /v1/responses/${second.id}`)
      await under.ask({ input: 'Three', conversation })
      expect(told(under)).toEqual([
        { role: 'user', content: 'One' },
        { role: 'user', content: 'Two' },
        { role: 'assistant', content: 'Second.' },
        { role: 'user', content: 'Three' },
      ])
    })
  })

  test('[R017] the input items of a response are those of its conversation up to then, and its own', async () => {
    await withResponses(scene(door), async (under) => {
      const { id: conversation } = await post(under, 'conversations', { items: [{ role: 'user', content: 'Zero' }] })
      const first = await under.ask({ input: 'One', conversation })
      const second = await under.ask({ input: [{ role: 'user', content: 'Two' }], conversation })
      const texts = async (id: string): Promise<unknown[]> => {
        const reply = await under.call(`GET /v1/responses/${id}/input_items?order=asc`)
        // Every item is a message of one part.
        const { data } = (await reply.json()) as { data: { content: { text: string }[] }[] }
        return data.map(({ content }) => content[0]?.text)
      }
      const answer = 'I was told nothing about this.'
      expect(await texts(second.id)).toEqual(['Zero', 'One', answer, 'Two'])
      expect(await texts(first.id)).toEqual(['Zero', 'One'])
      await under.call(`DELETE /v1/conversations/${conversation}/items/${first.output[0]?.id}`)
      expect(await texts(second.id)).toEqual(['Zero', 'One', 'Two'])
      await under.call(`DELETE /v1/conversations/${conversation}`)
      expect(await texts(second.id)).toEqual(['Two'])
    })
  })

  test.each(['conversation', 'previous_response_id'])(
    'a call that nobody has approved does not keep a %s from going on, and may be approved later',
    async (link) => {
      await using mcp = await startMcpServer({ era: 'both' })
      await withResponses(scene(door), async (under) => {
        const { id: conversation } = await post(under, 'conversations')
        const add = { name: 'add', arguments: { a: 1, b: 2 } }
        under.model.answers('Add', calls({ id: 'c1', ...add }))
        under.model.answers('Wait', says('I wait.'))
        under.model.answers('And now?', says('Three.'))
        const tools = [{ type: 'mcp', server_label: 'tests', server_url: mcp.url, require_approval: 'always' } as never]
        let previous: string | undefined
        const ask = async (input: ResponseQuestion['input']) => {
          const continued = link === 'conversation' ? { conversation } : previous && { previous_response_id: previous }
          const response = await under.ask({ input, tools, ...continued })
          previous = response.id
          return response
        }
        const asked = (await ask('Add')).output.find(({ type }) => type === 'mcp_approval_request')
        await ask('Wait')
        expect(told(under)).toMatchObject([
          { role: 'user', content: 'Add' },
          { role: 'assistant', tool_calls: [{ id: 'c1' }] },
          { role: 'tool', tool_call_id: 'c1', content: expect.stringContaining('not approved') },
          { role: 'user', content: 'Wait' },
        ])
        expect(mcp.calls).toEqual([])
        const approval = { type: 'mcp_approval_response', approval_request_id: asked?.id ?? '', approve: true } as const
        const { output } = await ask([approval, { role: 'user', content: 'And now?' }])
        expect(output).toMatchObject([{ type: 'mcp_call', output: '3' }, { content: [{ text: 'Three.' }] }])
        expect(mcp.calls).toHaveLength(1)
      })
    },
  )

  test('what an approved call gave stands behind the call, whatever else is said with the approval', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses(scene(door), async (under) => {
      const { id: conversation } = await post(under, 'conversations')
      under.model.answers('Add', calls({ id: 'c1', name: 'add', arguments: { a: 1, b: 2 } }))
      under.model.answers('Go on.', says('Three.'))
      const tools = [{ type: 'mcp', server_label: 'tests', server_url: mcp.url, require_approval: 'always' } as never]
      const { output } = await under.ask({ input: 'Add', tools, conversation })
      const approval_request_id = output.find(({ type }) => type === 'mcp_approval_request')?.id ?? ''
      const approval = { type: 'mcp_approval_response', approval_request_id, approve: true } as const
      await under.ask({ input: [approval, { role: 'user', content: 'Go on.' }], tools, conversation })
      expect(told(under)).toMatchObject([
        { role: 'user', content: 'Add' },
        { role: 'assistant', tool_calls: [{ id: 'c1' }] },
        { role: 'tool', tool_call_id: 'c1', content: [{ text: '3' }] },
        { role: 'user', content: 'Go on.' },
      ])
    })
  })
})
