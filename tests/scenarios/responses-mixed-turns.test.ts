/** Turns in which the model calls everybody at once: the client, servers, and tools that do not exist. */
import { describe, expect, test } from 'vitest'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const config = { server: { allowPrivateUrls: true } }

const lookup = { type: 'function', name: 'lookup', parameters: {} }
const note = { type: 'custom', name: 'note' }

const told = ({ model }: ResponsesScene) => model.asked.at(-1)?.messages ?? []

/** Each call of the messages with how often it is answered: a vendor refuses anything but once. */
function answersOf(scene: ResponsesScene): Readonly<Record<string, number>> {
  const made = told(scene).flatMap(({ tool_calls: of = [] }) => of.map(({ id }) => id))
  return Object.fromEntries(
    made.map((id) => [id, told(scene).filter(({ tool_call_id: answered }) => answered === id).length]),
  )
}

const output = (call_id: string, type = 'function_call_output') => ({ type, call_id, output: `of ${call_id}` })

describe.each(doors)('through the %s', (door) => {
  test.each(['previous_response_id', 'conversation'])(
    '[B094, B095, B096] each call of a turn has its answer when it is continued by %s',
    async (way) => {
      await using mcp = await startMcpServer({ era: 'both' })
      await withResponses({ door, config }, async (scene) => {
        const server = {
          type: 'mcp',
          server_label: 'tests',
          server_url: mcp.url,
          require_approval: { always: { tool_names: ['several'] }, never: { tool_names: ['echo', 'fail'] } },
        }
        const tools = [lookup, note, server] as never
        scene.model.answers(
          'Go',
          streams(
            [
              { delta: { content: 'All at once.' } },
              ...piecesOf(
                ['c1', 'lookup'],
                ['c2', 'echo'],
                ['c3', 'nobody'],
                ['c4', 'several'],
                ['c5', 'note'],
                ['c6', 'fail'],
              ),
            ],
            { finish: 'tool_calls' },
          ),
          says('Done.'),
        )
        const { id: conversation } = (await (await scene.call('POST /v1/conversations', {})).json()) as { id: string }
        const first = way === 'conversation' ? { conversation } : {}
        const { response } = await scene.stream({ input: 'Go', tools, ...first })
        expect(response.output.map((item) => [item.type, item['name'], item['status']])).toEqual([
          ['mcp_list_tools', undefined, undefined],
          ['message', undefined, 'completed'],
          ['function_call', 'lookup', 'completed'],
          ['mcp_call', 'echo', 'completed'],
          ['custom_tool_call', 'note', 'completed'],
          ['mcp_call', 'fail', 'failed'],
          ['mcp_approval_request', 'several', undefined],
        ])
        const approval = {
          type: 'mcp_approval_response',
          approval_request_id: response.output.at(-1)?.id,
          approve: true,
        }
        const input = [output('c5', 'custom_tool_call_output'), approval, output('c1')] as never
        const second = way === 'conversation' ? { conversation } : { previous_response_id: response.id }
        const next = await scene.ask({ input, tools, ...second })
        expect(next.output).toMatchObject([
          { type: 'mcp_call', name: 'several', approval_request_id: response.output.at(-1)?.id },
          { type: 'message' },
        ])
        expect(Object.values(answersOf(scene)).every((count) => count === 1)).toBe(true)
        expect(Object.keys(answersOf(scene))).toHaveLength(6)
        scene.model.answers('And?', says('Nothing.'))
        await scene.ask({
          input: 'And?',
          ...(way === 'conversation' ? { conversation } : { previous_response_id: next.id }),
        })
        expect(Object.values(answersOf(scene)).every((count) => count === 1)).toBe(true)
        expect(Object.keys(answersOf(scene))).toHaveLength(6)
        expect(JSON.stringify(told(scene))).toContain('of c1')
      })
    },
  )

  test('[B094] calls that have the same id in every turn are told apart', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door, config }, async (scene) => {
      let turn = 0
      scene.model.answers('Go', () =>
        (turn += 1) > 3 ? says('Done.') : calls({ id: 'call_0', name: 'echo', arguments: { text: `turn ${turn}` } }),
      )
      const server = { type: 'mcp', server_label: 'tests', server_url: mcp.url, require_approval: 'never' }
      const { response } = await scene.stream({ input: 'Go', tools: [server as never] })
      expect(response.output.filter(({ type }) => type === 'mcp_call')).toMatchObject(
        [1, 2, 3].map((number) => ({ output: `{"text":"turn ${number}"}` })),
      )
      expect(new Set(response.output.map(({ id }) => id)).size).toBe(5)
      expect(told(scene).filter(({ role }) => role === 'tool')).toHaveLength(3)
    })
  })

  test('[B094] a stored prompt with its variables leads the conversation', async () => {
    await withResponses({ door }, async (scene) => {
      const prompt = { prompt: 'You speak {{ language }}.', variables: ['language'] }
      const made = (await (await scene.call('POST /v1/prompts', prompt)).json()) as { prompt_id: string }
      scene.model.answers('Hi', says('Salut.'))
      const asked = { id: made.prompt_id, variables: { language: 'French' } }
      const response = await scene.ask({ input: 'Hi', instructions: 'Be brief.', prompt: asked as never })
      expect(response.prompt).toMatchObject({ id: made.prompt_id })
      expect(told(scene).slice(0, -1)).toEqual([
        { role: 'system', content: 'You speak French.' },
        { role: 'system', content: 'Be brief.' },
      ])
      expect(await scene.refusal({ input: 'Hi', prompt: { id: 'pmpt_none' } as never })).toMatchObject({ status: 404 })
    })
  })
})

function piecesOf(...made: readonly (readonly [id: string, name: string])[]) {
  return made.map(([id, name], index) => ({
    delta: { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '{}' } }] },
  }))
}
