import type { ItemResource, ResponseInclude } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { withIncluded } from './include-fields.ts'

const sources = [{ type: 'url' as const, url: 'https://example.com' }]
const logprobs = [{ token: 'a', logprob: -1, bytes: [97], top_logprobs: [] }]

const message = (role: 'user' | 'assistant', ...content: object[]): ItemResource =>
  // The parts are those of the role.
  ({ type: 'message', id: 'msg_1', role, status: 'completed', content }) as unknown as ItemResource

/** The item in full, what it is without the field, and the name of the field. */
const cases: [ResponseInclude, ItemResource, object][] = [
  [
    'file_search_call.results',
    { type: 'file_search_call', id: 'fs_1', status: 'completed', queries: ['q'], results: [{ text: 'x' }] },
    { type: 'file_search_call', id: 'fs_1', status: 'completed', queries: ['q'] },
  ],
  [
    'web_search_call.results',
    { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' }, results: [] },
    { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
  ],
  [
    'web_search_call.action.sources',
    { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q', sources } },
    { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
  ],
  [
    'reasoning.encrypted_content',
    { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'secret' },
    { type: 'reasoning', id: 'rs_1', summary: [] },
  ],
  [
    'code_interpreter_call.outputs',
    { type: 'code_interpreter_call', id: 'ci_1', container_id: 'c', outputs: [{ type: 'logs' }] },
    { type: 'code_interpreter_call', id: 'ci_1', container_id: 'c' },
  ],
  [
    'computer_call_output.output.image_url',
    {
      type: 'computer_call_output',
      id: 'c',
      call_id: 'c',
      output: { type: 'computer_screenshot', image_url: 'data:' },
    },
    { type: 'computer_call_output', id: 'c', call_id: 'c', output: { type: 'computer_screenshot' } },
  ],
  [
    'message.input_image.image_url',
    message('user', { type: 'input_image', image_url: 'data:', detail: 'auto' }, { type: 'input_text', text: 'x' }),
    message('user', { type: 'input_image', detail: 'auto' }, { type: 'input_text', text: 'x' }),
  ],
  [
    'message.output_text.logprobs',
    message('assistant', { type: 'output_text', text: 'a', annotations: [], logprobs }),
    message('assistant', { type: 'output_text', text: 'a', annotations: [], logprobs: [] }),
  ],
]

test.each(cases)('%s is shown to who asks for it', (name, item, bare) => {
  const others = cases.map(([other]) => other).filter((other) => other !== name)
  const before = structuredClone(item)
  expect(withIncluded(item, [name])).toBe(item)
  expect(withIncluded(item, others)).toEqual(bare)
  expect(withIncluded(item, [])).toEqual(bare)
  expect(item).toEqual(before)
})

test('an item that has none of it stays the very object', () => {
  const items: ItemResource[] = [
    message('user', { type: 'input_text', text: 'x' }),
    message('assistant', { type: 'output_text', text: 'a', annotations: [], logprobs: [] }),
    { type: 'function_call', id: 'fc_1', call_id: 'c', name: 'f', arguments: '{}', status: 'completed' },
    { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'open_page', url: 'x' } },
  ]
  for (const item of items) expect(withIncluded(item, [])).toBe(item)
})
