import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CallContext, FileSearchTool, JsonObject } from '@llama-stack/api'
import { OutputItem } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { normalizeForHash } from '../../recordings/hash-normalization.ts'
import { toLosslessObject } from '../../recordings/lossless-json.ts'
import { canonicalJson } from '../../recordings/python-json.ts'
import { toFileSearchMessage } from './file-search-message.ts'
import { toFileSearch } from './file-search.ts'
import type { FileSearchHit, VectorSearch, VectorSearchRequest } from './vector-search-port.ts'

const context: CallContext = {
  principal: { id: 'local' },
  requestId: 'req_1',
  signal: new AbortController().signal,
  providerData: {},
}
const tool: FileSearchTool = { type: 'file_search', vector_store_ids: ['vs_1', 'vs_2', 'vs_1'] }
const hit: FileSearchHit = {
  fileId: 'file-1',
  filename: 'one.md',
  score: 0.5,
  attributes: { region: 'us' },
  documentId: 'd35f4e66-5445-4bb1-9f54-281fbb4656ba',
  text: 'Up by 15%.',
}

/** Stores that find the same whatever is asked. */
function storesWith(hits: readonly FileSearchHit[]): VectorSearch & { readonly asked: VectorSearchRequest[] } {
  const asked: VectorSearchRequest[] = []
  return {
    asked,
    search(request) {
      asked.push(request)
      return Promise.resolve(hits)
    },
  }
}

describe('file search', () => {
  test('asks the stores, tells the model, fills the item', async () => {
    const stores = storesWith([hit])
    const { content, item, files } = await toFileSearch({ vectorSearch: stores }).prepare(tool).run('sales', context)
    expect(stores.asked).toEqual([{ vectorStoreIds: ['vs_1', 'vs_2'], maxResults: 10, query: 'sales' }])
    expect(content).toEqual(toFileSearchMessage([hit], 'sales'))
    expect(item).toEqual({
      type: 'file_search_call',
      status: 'completed',
      queries: ['sales'],
      results: [
        { file_id: 'file-1', filename: 'one.md', text: 'Up by 15%.', score: 0.5, attributes: { region: 'us' } },
      ],
    })
    expect(OutputItem.parse({ id: 'fs_1', ...item })).toEqual({ id: 'fs_1', ...item })
    const file = { fileId: 'file-1', filename: 'one.md' }
    expect([...files]).toEqual([
      [hit.documentId, file],
      ['file-1', file],
    ])
  })

  test('passes on how to search', async () => {
    const stores = storesWith([])
    const filters = { type: 'eq', key: 'region', value: 'us' } as const
    const ranking_options = { ranker: 'auto', score_threshold: 0.2 }
    await toFileSearch({ vectorSearch: stores })
      .prepare({ ...tool, filters, ranking_options, max_num_results: 3, search_mode: 'hybrid' })
      .run('q', context)
    expect(stores.asked[0]).toMatchObject({
      filters,
      rankingOptions: ranking_options,
      maxResults: 3,
      mode: 'hybrid',
    })
  })

  test('is refused by name where there are no stores, or none is named', () => {
    expect(() => toFileSearch({}).prepare(tool)).toThrow(
      expect.objectContaining({ code: 'tool_unavailable', status: 400, param: 'tools' }),
    )
    expect(() => toFileSearch({}).prepare(tool)).toThrow("The tool 'file_search' cannot be used here")
    expect(() =>
      toFileSearch({ vectorSearch: storesWith([]) }).prepare({ ...tool, vector_store_ids: [] }, 'tools[2]'),
    ).toThrow(expect.objectContaining({ code: 'invalid_value', param: 'tools[2].vector_store_ids' }))
  })
})

const recordings = fileURLToPath(new URL('../../../../../../shared/recordings/ogx/responses/', import.meta.url))
const isThere = existsSync(recordings)
if (!isThere) console.warn('the words of file search are not compared: ../shared/recordings is absent')

describe.skipIf(!isThere)(`in upstream's recordings${isThere ? '' : ' (skipped: ../shared is absent)'}`, () => {
  test('the model was told the very same', () => {
    const messages = recordedMessages()
    expect(messages).toHaveLength(28)
    for (const { content, hits, query } of messages) {
      expect(hashed(toFileSearchMessage(hits, query))).toEqual(hashed(content))
    }
    expect(messages.filter(({ hits }) => hits.length === 0)).not.toEqual([])
    expect(Math.max(...messages.map(({ hits }) => hits.length))).toBe(4)
  })
})

/** A message as it counts in the hash of a request: without scores, attributes and the digits of document ids. */
const hashed = (content: unknown): string =>
  canonicalJson(normalizeForHash(toLosslessObject({ content } as JsonObject)))

interface RecordedMessage {
  readonly content: readonly { readonly type: string; readonly text: string }[]
  readonly hits: readonly FileSearchHit[]
  readonly query: string
}

function recordedMessages(): readonly RecordedMessage[] {
  return readdirSync(recordings, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => toolMessages(readFileSync(recordings + file, 'utf8')))
    .filter((content) => content[0]?.text.startsWith('file_search tool found') === true)
    .map((content) => ({
      content,
      hits: content.flatMap(({ text }) => readHit(text)),
      query: /user's query: "(.*?)"\. Use them/s.exec(content.at(-1)?.text ?? '')?.[1] ?? '',
    }))
}

function toolMessages(json: string): RecordedMessage['content'][] {
  const { request } = JSON.parse(json) as {
    request: { body?: { messages?: { role: string; content: string | RecordedMessage['content'] }[] } }
  }
  return (request.body?.messages ?? []).flatMap(({ role, content }) =>
    role === 'tool' && typeof content !== 'string' ? [content] : [],
  )
}

const CHUNK = /^\[\d+\] document_id: (\S+), score: (\S+), attributes: (\{.*?\}) cite as <\|(\S+)\|>\n(.*)\n$/s

function readHit(text: string): FileSearchHit[] {
  const found = CHUNK.exec(text)
  if (found === null) return []
  const [, documentId = '', score, attributes = '', cited, chunk = ''] = found
  expect(cited).toBe(documentId)
  const filename = /'filename': '([^']*)'/.exec(attributes)?.[1] ?? ''
  return [{ documentId, score: Number(score) + 1, filename, fileId: 'file-1', attributes: { a: 1 }, text: chunk }]
}
