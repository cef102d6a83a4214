/** Guardrails within a turn: over thoughts, over what a model sends to tools, and over what they give back. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { defineTool } from '../../packages/server/src/index.ts'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { Door, UnderTestOptions } from './stack-under-test.ts'

const guardrails = ['house']
const lookup = { type: 'function', name: 'lookup', parameters: {} } as never
const write = { type: 'custom', name: 'write' } as never

/** A function of the program, which says backwards what it is asked for, and notes it. */
function createEcho() {
  const asked: string[] = []
  const echo = defineTool({
    name: 'say',
    description: 'Says a word backwards.',
    parameters: z.object({ word: z.string() }),
    execute: ({ word }) => {
      asked.push(word)
      return Array.from(word).toReversed().join('')
    },
  })
  return { echo, asked }
}

function scene(door: Door, more: UnderTestOptions['more'] = {}): UnderTestOptions {
  return {
    door,
    more,
    configOf: ({ url }) => ({
      server: { allowPrivateUrls: true },
      providers: [
        {
          api: 'inference',
          id: 'vendor',
          type: 'remote::openai',
          config: { base_url: `${url}/v1`, api_key: 'sk-test' },
        },
        {
          api: 'safety',
          id: 'rules',
          type: 'inline::rules',
          config: { words: ['grapefruit'], message: 'Let us not.' },
        },
      ],
      resources: { shields: [{ shield_id: 'house', provider_id: 'rules' }] },
    }),
  }
}

const toldLast = ({ model }: ResponsesScene): string => JSON.stringify(model.asked.at(-1)?.messages)

/** Nothing of what may not be said is told, kept, or given to the model. */
function expectUnsaid(under: ResponsesScene, ...told: readonly string[]): void {
  const kept = readdirSync(under.directory)
    .filter((name) => name.startsWith('stack.db'))
    .map((name) => readFileSync(join(under.directory, name), 'latin1'))
  for (const text of [...told, ...kept, toldLast(under)]) expect(text.includes('grapefruit')).toBe(false)
}

describe.each(doors)('through the %s', (door) => {
  test('[B136] a call of a server’s tool is not made where its arguments may not pass, however they are spelt', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses(scene(door), async (under) => {
      const spelt = '{"text":"a gr\\u0061pefruit"}'
      under.model.answers('Go', calls({ id: 'c1', name: 'echo', arguments: spelt }), says('I will not.'))
      const tools = [{ type: 'mcp', server_label: 'tests', server_url: mcp.url, require_approval: 'never' } as never]
      const { response, texts } = await under.stream({ input: 'Go', tools, guardrails })
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'mcp_list_tools' },
          { type: 'mcp_call', status: 'failed', name: 'echo', error: expect.stringContaining('Let us not.') },
          { content: [{ text: 'I will not.' }] },
        ],
      })
      expect(mcp.calls).toEqual([])
      expect(toldLast(under)).toContain('it was not made. It says: Let us not.')
      expect(toldLast(under)).not.toContain('0061')
      expectUnsaid(under, ...texts)
      const always = [{ type: 'mcp', server_label: 'tests', server_url: mcp.url, require_approval: 'always' } as never]
      const asked = await under.ask({ input: 'Go', tools: always, guardrails })
      expect(asked.output.map(({ type }) => type)).toEqual(['mcp_list_tools', 'message'])
    })
  })

  test('[B136] what a tool gave is kept back where it may not pass', async () => {
    const { echo, asked } = createEcho()
    await withResponses(scene(door, { tools: [echo] }), async (under) => {
      under.model.answers(
        'Go',
        calls({ id: 'c1', name: 'say', arguments: { word: 'tiurfeparg' } }),
        says('I do not know.'),
      )
      const { response, texts } = await under.stream({ input: 'Go', guardrails })
      expect(asked).toEqual(['tiurfeparg'])
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'mcp_call', status: 'failed', output: null, error: expect.stringContaining('Let us not.') },
          { content: [{ text: 'I do not know.' }] },
        ],
      })
      expect(toldLast(under)).toContain('keeps back what the tool gave')
      expectUnsaid(under, ...texts)
      under.model.answers('Again', calls({ id: 'c1', name: 'say', arguments: { word: 'raep' } }), says('A pear.'))
      const { response: allowed } = await under.stream({ input: 'Again', guardrails })
      expect(allowed.output[0]).toMatchObject({
        status: 'completed',
        arguments: '{"word":"raep"}',
        output: 'pear',
      })
    })
  })

  test('[B136] a client is not asked for a call that may not be made, and for the others it is', async () => {
    await withResponses(scene(door), async (under) => {
      const bad = { id: 'c1', name: 'lookup', arguments: { fruit: 'grapefruit' } }
      under.model.answers('One', calls(bad), says('Fine.'))
      const one = await under.stream({ input: 'One', tools: [lookup], guardrails })
      expect(one.response.output).toMatchObject([{ type: 'message', content: [{ text: 'Fine.' }] }])
      expectUnsaid(under, ...one.texts)
      const good = { id: 'c2', name: 'lookup', arguments: { fruit: 'pear' } }
      under.model.answers(
        'Two',
        calls(bad, good, { id: 'c3', name: 'write', arguments: { input: 'a pear' } }),
        says('Done.'),
      )
      const { response, events } = await under.stream({ input: 'Two', tools: [lookup, write], guardrails })
      expect(response.output).toMatchObject([
        { type: 'function_call', call_id: 'c2', arguments: '{"fruit":"pear"}', status: 'completed' },
        { type: 'custom_tool_call', call_id: 'c3', input: 'a pear', status: 'completed' },
      ])
      expect(events.map(({ type }) => type)).toContain('response.function_call_arguments.delta')
      const outputs = [
        { type: 'function_call_output', call_id: 'c2', output: 'ripe' },
        { type: 'custom_tool_call_output', call_id: 'c3', output: 'written' },
      ] as never
      await under.ask({ input: outputs, tools: [lookup, write], previous_response_id: response.id, guardrails })
      expect(under.model.asked.at(-1)?.messages).toMatchObject([
        { role: 'user', content: 'Two' },
        { role: 'assistant', tool_calls: [{ id: 'c1', function: { arguments: '{}' } }, { id: 'c2' }, { id: 'c3' }] },
        { role: 'tool', tool_call_id: 'c1', content: expect.stringContaining('not made') },
        { role: 'tool', tool_call_id: 'c2' },
        { role: 'tool', tool_call_id: 'c3' },
      ])
      expectUnsaid(under)
    })
  })

  test.each(['conversation', 'previous_response_id'])(
    '[B099] an input that was refused is not told to the model by what continues it through a %s',
    async (link) => {
      await withResponses(scene(door), async (under) => {
        const created = await under.call('POST /v1/conversations', {})
        const { id: conversation } = (await created.json()) as { id: string }
        under.model.answers('Go', calls({ id: 'c1', name: 'lookup' }))
        let previous: string | undefined
        const ask = async (input: unknown) => {
          const before = previous === undefined ? {} : { previous_response_id: previous }
          const more = link === 'conversation' ? { conversation } : before
          const response = await under.ask({ input: input as never, tools: [lookup], guardrails, ...more })
          previous = response.id
          return response
        }
        await ask('Go')
        const refused = await ask([
          { type: 'function_call_output', call_id: 'c1', output: 'A grapefruit.' },
          { role: 'user', content: 'Is a grapefruit what I want?' },
        ])
        expect(refused.output).toMatchObject([{ content: [{ type: 'refusal', refusal: 'Let us not.' }] }])
        expect(under.model.asked).toHaveLength(1)
        await ask('Then what?')
        expect(under.model.asked.at(-1)?.messages).toMatchObject([
          { role: 'user', content: 'Go' },
          { role: 'assistant', tool_calls: [{ id: 'c1' }] },
          { role: 'tool', tool_call_id: 'c1' },
          { role: 'user' },
          { role: 'assistant', content: 'Let us not.' },
          { role: 'user', content: 'Then what?' },
        ])
        expect(toldLast(under)).not.toContain('grapefruit')
      })
    },
  )

  test('[B136] thoughts stop the answer where they may not be shown, and are not told again', async () => {
    await withResponses(scene(door), async (under) => {
      for (const name of ['reasoning_content', 'content']) {
        const pieces = ['Well. A grape', 'fruit, ', 'perhaps.'].map((text) => ({ delta: { [name]: text } }))
        if (name === 'content') pieces.unshift({ delta: { content: '<think>' } })
        under.model.answers('Hungry', streams([...pieces, { delta: { content: '</think>Pears.' } }], { gapMs: 2 }))
        const { response, texts } = await under.stream({ input: 'Hungry', guardrails })
        expect(response.output).toMatchObject([
          { type: 'reasoning', content: [{ text: expect.stringMatching(/^Well\. A /) }] },
          { type: 'message', content: [{ type: 'refusal', refusal: 'Let us not.' }] },
        ])
        expectUnsaid(under, ...texts)
        await under.ask({ input: 'And now?', previous_response_id: response.id })
        expectUnsaid(under)
      }
    })
  })

  test('[B136] thoughts that may be shown stand before the answer, whole', async () => {
    await withResponses(scene(door), async (under) => {
      const deltas = [
        { reasoning_content: 'A grape' },
        { reasoning_content: ', or' },
        { content: 'A ' },
        { content: 'grape.' },
      ]
      under.model.answers('Hungry', streams(deltas.map((delta) => ({ delta }))))
      const { response } = await under.stream({ input: 'Hungry', guardrails })
      expect(response.output).toMatchObject([
        { type: 'reasoning', content: [{ text: 'A grape, or' }] },
        { type: 'message', content: [{ text: 'A grape.' }] },
      ])
      await under.ask({ input: 'And now?', previous_response_id: response.id })
      expect(under.model.asked.at(-1)?.messages[1]).toMatchObject({
        reasoning_content: 'A grape, or',
        content: 'A grape.',
      })
    })
  })
})
