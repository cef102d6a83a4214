/** `file_search` over what a program hands in as `vectorSearch`. */
import { describe, expect, test } from 'vitest'
import { createLexicalSearch } from './lexical-search.ts'
import type { LexicalSearch } from './lexical-search.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'
import type { Door } from './stack-under-test.ts'

const ids = { sales: 'd35f4e66-5445-4bb1-9f54-281fbb4656ba', staff: '0d0f3c6e-57f3-4f0c-8a8f-2b2f5f6f9a11' }
const piece = (name: keyof typeof ids, text: string) => ({
  fileId: `file-${name}`,
  filename: `${name}.md`,
  attributes: { region: 'us' },
  documentId: ids[name],
  text,
})

async function withFiles(door: Door, scenario: (under: ResponsesScene, search: LexicalSearch) => Promise<void>) {
  const search = createLexicalSearch({
    vs_1: [piece('sales', 'Sales went up by 15% in spring.'), piece('staff', 'The staff is in Bonn.')],
  })
  await withResponses({ door, more: { vectorSearch: search } }, (under) => scenario(under, search))
}

const tool = { type: 'file_search', vector_store_ids: ['vs_1'] } as never
const searches = (query: string) => calls({ id: 'c1', name: 'file_search', arguments: { query } })

describe.each(doors)('a search in files, through the %s', (door) => {
  test('[B135] is an item, and what the text cites of it are annotations, wherever the markers are cut', async () => {
    await withFiles(door, async (under, search) => {
      const pieces = [
        'Up by 15% <',
        '|',
        ids.sales.slice(0, 9),
        `${ids.sales.slice(9)}|`,
        '>. All in',
        ' Bonn <|file-staff|>!',
      ]
      under.model.answers(
        'How were sales?',
        searches('sales in spring'),
        streams(pieces.map((content) => ({ delta: { content } }))),
      )
      const { response, events } = await under.stream({ input: 'How were sales?', tools: [tool] })
      expect(search.asked).toMatchObject([{ vectorStoreIds: ['vs_1'], query: 'sales in spring', maxResults: 10 }])
      expect(response.output).toMatchObject([
        { type: 'file_search_call', status: 'completed', queries: ['sales in spring'] },
        {
          type: 'message',
          content: [
            {
              text: 'Up by 15%. All in Bonn!',
              annotations: [
                { type: 'file_citation', file_id: 'file-sales', filename: 'sales.md', index: 9 },
                { type: 'file_citation', file_id: 'file-staff', filename: 'staff.md', index: 22 },
              ],
            },
          ],
        },
      ])
      expect(JSON.stringify(response.output)).not.toContain('<|')
      const types = events.map(({ type }) => type.replace('response.', ''))
      expect(types.filter((type) => type.startsWith('file_search_call'))).toEqual([
        'file_search_call.in_progress',
        'file_search_call.searching',
        'file_search_call.completed',
      ])
      expect(types.filter((type) => type === 'output_text.annotation.added')).toHaveLength(2)
      // The model is told what it may cite, and as what.
      const told = JSON.stringify(under.model.asked.at(-1)?.messages)
      expect(told).toContain(`cite as <|${ids.sales}|>`)
      expect(told).toContain('Sales went up by 15% in spring.')
    })
  })

  test('[B135] is cited later too: no marker is shown, though the files are not known any more', async () => {
    await withFiles(door, async (under) => {
      under.model.answers('How were sales?', searches('sales'), says('Fine.'))
      under.model.answers('Who says so?', says(`The report <|${ids.sales}|>.`))
      const { id } = await under.ask({ input: 'How were sales?', tools: [tool] })
      const { response } = await under.stream({ input: 'Who says so?', previous_response_id: id })
      expect(response.output).toMatchObject([{ content: [{ text: 'The report.', annotations: [] }] }])
    })
  })

  test('[B135] shows what was found to who asks for it', async () => {
    await withFiles(door, async (under) => {
      under.model.answers('How were sales?', searches('sales'), says('Fine.'))
      const results = async (more: object) => {
        const { response } = await under.stream({ input: 'How were sales?', tools: [tool], ...more })
        return response.output[0]?.['results'] ?? null
      }
      expect(await results({})).toBeNull()
      expect(await results({ include: ['file_search_call.results'] })).toEqual([
        {
          file_id: 'file-sales',
          filename: 'sales.md',
          text: 'Sales went up by 15% in spring.',
          score: 1,
          attributes: { region: 'us' },
        },
      ])
    })
  })

  test('[B135] looks where and how the request says', async () => {
    await withFiles(door, async (under, search) => {
      under.model.answers('How were sales?', searches('sales'), says('Fine.'))
      const filters = { type: 'eq', key: 'region', value: 'us' }
      const ranking_options = { ranker: 'auto', score_threshold: 0.5 }
      const wishes = { ...(tool as object), max_num_results: 3, filters, ranking_options } as never
      await under.ask({ input: 'How were sales?', tools: [wishes] })
      expect(search.asked).toMatchObject([{ maxResults: 3, filters, rankingOptions: ranking_options, owner: 'local' }])
    })
  })

  test('[B135] that fails is told to the model, and the response goes on', async () => {
    await withFiles(door, async (under) => {
      under.model.answers('How were sales?', searches('sales'), says('I cannot look.'))
      const elsewhere = { type: 'file_search', vector_store_ids: ['vs_2'] } as never
      const { response } = await under.stream({ input: 'How were sales?', tools: [elsewhere] })
      expect(response).toMatchObject({
        status: 'completed',
        output: [{ type: 'file_search_call', status: 'failed' }, { content: [{ text: 'I cannot look.' }] }],
      })
      expect(JSON.stringify(under.model.asked.at(-1)?.messages)).toContain('vs_2')
    })
  })

  test('is refused where there is nothing to search', async () => {
    await withResponses({ door }, async (under) => {
      const refused = await under.refusal({ input: 'How were sales?', tools: [tool] })
      expect(refused).toMatchObject({ status: 400, code: 'tool_unavailable' })
      expect(refused.message).toContain('no vector stores')
    })
  })

  test('files that a request names by id are asked for inline, as long as the server keeps none', async () => {
    await withResponses({ door }, async (under) => {
      const content = [{ type: 'input_file', file_id: 'file-1' }]
      const refused = await under.refusal({ input: [{ role: 'user', content }] as never })
      expect(refused).toMatchObject({ status: 400, code: 'invalid_value', param: 'input[0].content[0].file_id' })
      expect(refused.message).toMatch(/this server keeps no files, got 'file-1'.*Send the content inline/s)
      expect(under.model.asked).toEqual([])
    })
  })
})
