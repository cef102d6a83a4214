import { describe, expect, test } from 'vitest'
import { foldResponseEvents } from '../../../testing/fold-response-events.ts'
import { EventWriter } from './event-writer.ts'
import { Output } from './output.ts'
import type { Item } from './output.ts'
import { replayItems } from './replay-items.ts'

/** The output with everything that it tells. */
function createHeardOutput(): { readonly output: Output; readonly told: Readonly<Record<string, unknown>>[] } {
  const told: Readonly<Record<string, unknown>>[] = []
  const output = new Output(
    // Of this server's own making.
    new EventWriter({ event: (json) => told.push(JSON.parse(json) as Readonly<Record<string, unknown>>) }),
  )
  return { output, told }
}

const logprobs = [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }]
const citation = { type: 'url_citation', url: 'https://example.com', title: 'x', start_index: 0, end_index: 1 }

const message = {
  type: 'message',
  role: 'assistant',
  content: [
    { type: 'output_text', text: 'a 🦙', annotations: [citation], logprobs },
    { type: 'refusal', refusal: 'No more.' },
    { type: 'output_text', text: 'b', annotations: [], logprobs: [] },
  ],
}
const reasoning = {
  type: 'reasoning',
  summary: [
    { type: 'summary_text', text: 'In short.' },
    { type: 'summary_text', text: 'And shorter.' },
  ],
  content: [{ type: 'reasoning_text', text: 'At length.' }],
  encrypted_content: 'sealed',
}
const called = { type: 'function_call', name: 'f', arguments: '{"a":1}', call_id: 'c1' }
const custom = { type: 'custom_tool_call', name: 'g', input: 'x\ny', call_id: 'c2' }
const mcp = { type: 'mcp_call', name: 'h', arguments: '{}', server_label: 's', approval_request_id: null }
const listing = { type: 'mcp_list_tools', server_label: 's', tools: [{ name: 'h', input_schema: {} }] }
const web = { type: 'web_search_call', action: { type: 'search', query: 'q', sources: [] } }
const files = { type: 'file_search_call', queries: ['q'], results: [] }

const samples: readonly object[] = [
  ...['completed', 'incomplete'].flatMap((status) =>
    [
      message,
      { ...message, content: [] },
      reasoning,
      called,
      { ...called, arguments: '' },
      custom,
      { ...custom, input: '' },
    ].map((item) => ({ ...item, status })),
  ),
  { type: 'reasoning', status: 'completed', summary: [], content: [] },
  { ...mcp, status: 'completed', output: 'done', error: null },
  { ...mcp, status: 'failed', output: null, error: 'broken' },
  { ...mcp, status: 'incomplete', output: null, error: null },
  listing,
  { ...listing, tools: [], error: 'nobody there' },
  { ...web, status: 'completed' },
  { ...web, status: 'failed' },
  { ...files, status: 'completed' },
  { ...files, status: 'incomplete' },
  { type: 'mcp_approval_request', server_label: 's', name: 'h', arguments: '{}' },
  { type: 'compaction', encrypted_content: 'sealed' },
]

describe('finished items, told as if they came in now', () => {
  test.each(samples.map((item) => ({ ...item, id: 'x_1' }) as Item))('$type, $status', (item) => {
    const { output, told } = createHeardOutput()
    replayItems(output, [item])
    const { response, open } = foldResponseEvents(told)
    expect(open).toEqual([])
    expect(response['output']).toEqual([item])
    expect(output.items).toEqual([item])
  })

  test('keep their order and their numbers', () => {
    const { output, told } = createHeardOutput()
    const items = samples.map((item, index) => ({ ...item, id: `x_${index}` }) as Item)
    replayItems(output, items)
    expect(foldResponseEvents(told).response['output']).toEqual(items)
    expect(told.map((event) => event['sequence_number'])).toEqual(told.map((_, index) => index))
  })
})

describe('an output', () => {
  test('ends what is open in its order, and nothing twice', () => {
    const { output } = createHeardOutput()
    const ended: string[] = []
    const open = (id: string) => {
      const item = { id, type: 'message' }
      const place = output.open(item, {
        abandon() {
          ended.push(id)
          output.close(place, item)
        },
      })
      return () => output.close(place, item)
    }
    open('a')
    const close = open('b')
    open('c')
    close()
    output.abandonOpen()
    expect(ended).toEqual(['a', 'c'])
    expect(output.items.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect(close).toThrow(/closed twice/)
  })

  test('renders nothing where nobody listens', () => {
    const output = new Output(new EventWriter(undefined))
    replayItems(output, [{ ...message, id: 'x', status: 'completed' }])
    expect([output.events.next, output.items.length]).toEqual([0, 1])
  })
})
