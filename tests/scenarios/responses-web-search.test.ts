/** Web searches of responses, with a search engine that answers as a test tells it to. */
import { describe, expect, test } from 'vitest'
import type { ScriptedReply } from '../../packages/server/src/testing/scripted-upstream.ts'
import { withResponses } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { UnderTestOptions } from './stack-under-test.ts'

const page = { title: 'Llamas', url: 'https://example.com/llamas', content: 'Llamas are camelids.', score: 0.9 }
const other = { title: 'Alpacas', url: 'https://example.org/alpacas', content: 'Alpacas are smaller.', score: 0.5 }

const engine = (reply: ScriptedReply) => ({ 'POST /search': reply })
const found = engine({ json: { query: 'q', results: [page, other] } })

const scene = (door: (typeof doors)[number], routes: UnderTestOptions['routes'] = found): UnderTestOptions => ({
  door,
  ...(routes !== undefined && { routes }),
  configOf: ({ url }) => ({
    providers: [
      { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
      { api: 'tool_runtime', id: 'tavily', type: 'remote::tavily-search', config: { base_url: url, api_key: 'tv' } },
    ],
    reliability: { retries: 0 },
  }),
})

const search = { id: 'c1', name: 'web_search', arguments: { query: 'llamas' } }

describe.each(doors)('through the %s', (door) => {
  test('[B097] a search shows its query, and the text what it cites', async () => {
    await withResponses(scene(door), async (under) => {
      const text = 'Llamas 🦙 are camelids ([Llamas](https://example.com/llamas)).'
      under.model.answers('Go', calls(search), streams(text.split(/(?= )/).map((content) => ({ delta: { content } }))))
      const tool = { type: 'web_search', filters: { allowed_domains: ['example.com'] }, search_context_size: 'high' }
      const { response, events } = await under.stream({ input: 'Go', tools: [tool as never] })
      expect(response.output).toEqual([
        {
          id: expect.stringMatching(/^ws_/),
          type: 'web_search_call',
          status: 'completed',
          action: { type: 'search', query: 'llamas', queries: ['llamas'] },
        },
        expect.objectContaining({
          type: 'message',
          content: [
            {
              type: 'output_text',
              text,
              logprobs: [],
              annotations: [{ type: 'url_citation', url: page.url, title: 'Llamas', start_index: 23, end_index: 59 }],
            },
          ],
        }),
      ])
      const start = events.findIndex(({ type }) => type === 'response.output_item.added')
      expect(events.slice(start, start + 5).map(({ type }) => type)).toEqual([
        'response.output_item.added',
        'response.web_search_call.in_progress',
        'response.web_search_call.searching',
        'response.web_search_call.completed',
        'response.output_item.done',
      ])
      const asked = under.upstream.requests.find(({ path }) => path === '/search')?.json()
      expect(asked).toMatchObject({ query: 'llamas', include_domains: ['example.com'] })
      expect(JSON.stringify(under.model.asked.at(-1)?.messages)).toContain('Llamas are camelids.')
    })
  })

  test('[B097] sources and results are shown to who asks for them, also afterwards', async () => {
    await withResponses(scene(door), async (under) => {
      under.model.answers('Go', calls(search), says('Done.'))
      const include = ['web_search_call.action.sources', 'web_search_call.results'] as never
      const { response } = await under.stream({ input: 'Go', tools: [{ type: 'web_search' }], include })
      const shown = {
        action: { sources: [page, other].map(({ url }) => ({ type: 'url', url })) },
        results: [{ url: page.url, title: 'Llamas' }, { url: other.url }],
      }
      expect(response.output[0]).toMatchObject(shown)
      const some = await under.ask({ input: 'Go', tools: [{ type: 'web_search_preview' }], include: [include[0]] })
      expect(some.output[0]).toMatchObject({ action: shown.action })
      expect(some.output[0]).not.toHaveProperty('results')
    })
  })

  test('[B097] a search that fails is told to the model, and the response goes on', async () => {
    const failing = engine({ status: 500, json: { detail: { error: 'The engine is down.' } } })
    await withResponses(scene(door, failing), async (under) => {
      under.model.answers('Go', calls(search, { id: 'c2', name: 'web_search', arguments: { q: 1 } }), says('Sorry.'))
      const { response } = await under.stream({ input: 'Go', tools: [{ type: 'web_search' }] })
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          { type: 'web_search_call', status: 'failed', action: { query: 'llamas' } },
          { type: 'web_search_call', status: 'failed' },
          { type: 'message' },
        ],
      })
      const told = (under.model.asked.at(-1)?.messages ?? []).filter(({ role }) => role === 'tool')
      expect(told).toMatchObject([{ content: expect.stringContaining('The engine is down.') }, { tool_call_id: 'c2' }])
    })
  })

  test('[B097] a search that the end of the response cuts off', async () => {
    await withResponses(scene(door, engine({ delayMs: 60_000, json: {} })), async (under) => {
      under.model.answers('Go', calls(search), says('Never.'))
      const { id } = await under.ask({ input: 'Go', tools: [{ type: 'web_search' }], background: true })
      await expect.poll(() => under.upstream.requests.some(({ path }) => path === '/search')).toBe(true)
      const cancelled = await under.call(`POST /v1/responses/${id}/cancel`)
      expect(await cancelled.json()).toMatchObject({ status: 'cancelled' })
      expect(await under.fetchResponse(id)).toMatchObject({ output: [{ type: 'web_search_call', status: 'failed' }] })
    })
  })

  test('[B097] no engine, or no key, is said before the model is asked', async () => {
    await withResponses({ door }, async (under) => {
      const refused = await under.refusal({ input: 'Go', tools: [{ type: 'web_search' }] })
      expect(refused).toMatchObject({ status: 400, code: 'tool_unavailable' })
      expect(under.model.asked).toEqual([])
    })
  })
})
