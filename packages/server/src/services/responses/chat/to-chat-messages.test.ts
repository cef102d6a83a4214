import { StackError } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { toAssistantMessage } from './assistant-turn.ts'
import { ChatHistory, refuseOpenCalls } from './chat-history.ts'
import { placedItems } from './chat-item.ts'
import type { ChatItem } from './chat-item.ts'
import { readReferencedFiles } from './referenced-files.ts'
import type { FileReader } from './referenced-files.ts'
import { appendItems } from './to-chat-messages.ts'
import type { ToChatMessagesOptions } from './to-chat-messages.ts'

function convert(
  input: string | readonly ChatItem[],
  history = ChatHistory.empty,
  options: ToChatMessagesOptions = {},
) {
  return appendItems(history, placedItems(input), options)
}

function messages(input: string | readonly ChatItem[], history = ChatHistory.empty) {
  return convert(input, history).history.messages
}

function refusal(attempt: () => unknown): StackError {
  try {
    attempt()
  } catch (error) {
    if (error instanceof StackError) return error
  }
  return expect.unreachable('nothing was refused')
}

const user = (content: string) => ({ role: 'user' as const, content })
const call = (id: string, name = 'look') => ({
  type: 'function_call' as const,
  call_id: id,
  name,
  arguments: '{"a":1}',
})
const output = (id: string, text: string) => ({ type: 'function_call_output' as const, call_id: id, output: text })
const told = (id: string, name = 'look') => ({
  role: 'assistant',
  tool_calls: [{ index: 0, id, type: 'function', function: { name, arguments: '{"a":1}' } }],
})
const answered = (id: string, content: unknown) => ({ role: 'tool', tool_call_id: id, content })

describe('messages', () => {
  test('a text is what the user says', () => {
    expect(messages('Hello')).toEqual([user('Hello')])
  })

  test('keep their roles; lists of parts stay lists', () => {
    expect(
      messages([
        { role: 'system', content: 'S' },
        { role: 'developer', content: [{ type: 'input_text', text: 'D' }] },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'U' },
            { type: 'input_image', image_url: 'https://example.com/a.png' },
            { type: 'input_file', file_url: 'https://example.com/a.pdf', filename: 'a.pdf' },
            { type: 'input_file', file_data: 'QQ==', filename: 'a.txt' },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'A' },
            { type: 'refusal', refusal: 'No.' },
          ],
        },
      ]),
    ).toEqual([
      { role: 'system', content: 'S' },
      { role: 'developer', content: [{ type: 'text', text: 'D' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'U' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'auto' } },
          { type: 'file', file: { file_data: 'https://example.com/a.pdf', filename: 'a.pdf' } },
          { type: 'file', file: { file_data: 'data:text/plain;base64,QQ==', filename: 'a.txt' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'A' },
          { type: 'refusal', refusal: 'No.' },
        ],
      },
    ])
  })

  test('that were kept are texts again where they were', () => {
    const part = { type: 'input_text' as const, text: 'a' }
    const { history } = convert(
      [
        { role: 'user', content: [part] },
        { role: 'user', content: [part, part] },
      ],
      ChatHistory.empty,
      { isKept: true },
    )
    expect(history.messages.map(({ content }) => content)).toEqual([
      'a',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'a' },
      ],
    ])
  })

  test('of others than the user hold texts only', () => {
    const image = { type: 'input_image' as const, image_url: 'https://example.com/a.png' }
    const error = refusal(() => messages([user('a'), { role: 'system', content: [image] }]))
    expect(error.param).toBe('input[1].content[0].type')
  })

  test('an image without a source is refused where it stands', () => {
    const error = refusal(() => messages([{ role: 'user', content: [{ type: 'input_image' }] }]))
    expect([error.code, error.param]).toEqual(['missing_field', 'input[0].content[0].image_url'])
  })
})

describe('calls', () => {
  test('are followed by their outputs, wherever those stood', () => {
    expect(messages([user('Q'), call('c1'), call('c2'), user('R'), output('c2', 'two'), output('c1', 'one')])).toEqual([
      user('Q'),
      told('c1'),
      answered('c1', 'one'),
      told('c2'),
      answered('c2', 'two'),
      user('R'),
    ])
  })

  test('of custom tools carry their text as JSON', () => {
    expect(
      messages([
        { type: 'custom_tool_call', call_id: 'c', name: 'shell', input: 'ls "a"' },
        { type: 'custom_tool_call_output', call_id: 'c', output: 'b' },
      ]),
    ).toEqual([
      {
        role: 'assistant',
        tool_calls: [
          { index: 0, id: 'c', type: 'function', function: { name: 'shell', arguments: '{"input":"ls \\"a\\""}' } },
        ],
      },
      answered('c', 'b'),
    ])
  })

  test('that the server made come with what they gave', () => {
    const mcp = { type: 'mcp_call' as const, server_label: 's', name: 'look', arguments: '{"a":1}' }
    expect(
      messages([
        { ...mcp, id: 'mcp_1', output: 'found' },
        { ...mcp, id: 'mcp_2', output: null, error: 'gone' },
        { ...mcp, id: 'mcp_3' },
      ]),
    ).toEqual([
      told('mcp_1'),
      answered('mcp_1', 'found'),
      told('mcp_2'),
      answered('mcp_2', 'gone'),
      told('mcp_3'),
      answered('mcp_3', ''),
    ])
  })

  test('show images to the user’s eyes, and text files as text', () => {
    const url = 'data:image/png;base64,AA=='
    const image = { type: 'input_image' as const, image_url: url, detail: 'original' as const }
    const shown = { role: 'user', content: [{ type: 'image_url', image_url: { url, detail: 'high' } }] }
    const file = { type: 'input_file' as const, file_data: 'data:text/plain;base64,w6Q=' }
    expect(messages([call('c'), { ...output('c', ''), output: [image] }])).toEqual([
      told('c'),
      answered('c', [{ type: 'text', text: '[image]' }]),
      shown,
    ])
    expect(messages([call('c'), { ...output('c', ''), output: [file, image] }])).toEqual([
      told('c'),
      answered('c', [{ type: 'text', text: 'ä' }]),
      shown,
    ])
  })

  test('an output without a call is refused where it stands', () => {
    const error = refusal(() => messages([user('Q'), output('c9', 'x')]))
    expect([error.status, error.param]).toEqual([400, 'input[1].call_id'])
    expect(error.message).toContain('No tool call found for function call output with call_id c9')
  })

  test('a call without an output is refused before a model is asked', () => {
    const { history } = convert([user('Q'), call('c1'), call('c2'), output('c1', 'one')])
    expect(history.openCalls).toEqual(['c2'])
    expect(refusal(() => refuseOpenCalls(history)).message).toContain('No tool output found for function call c2')
    expect(() => refuseOpenCalls(convert([output('c2', 'two')], history).history)).not.toThrow()
  })
})

describe('what continues a history', () => {
  const turn = toAssistantMessage({
    text: 'Let me see.',
    calls: [
      { index: 0, id: 'c1', name: 'look', arguments: '' },
      { index: 1, id: 'c2', name: 'look', arguments: '{}' },
    ],
  })
  const history = ChatHistory.empty.append([{ role: 'user', content: 'Q' }, turn])

  test('a turn that calls has its text, and arguments that vendors take', () => {
    expect(turn).toMatchObject({
      content: 'Let me see.',
      tool_calls: [{ function: { arguments: '{}' } }, { index: 1, id: 'c2' }],
    })
  })

  test.each([
    ['{"a": 1}', '{"a": 1}'],
    [' ', '{}'],
    ['{"a": "never clo', '{"input":"{\\"a\\": \\"never clo"}'],
    ['[1]', '{"input":"[1]"}'],
  ])('vendors read the arguments %s of a call as %s', (written, read) => {
    const { tool_calls: calls } = toAssistantMessage({
      text: '',
      calls: [{ index: 0, id: 'c1', name: '', arguments: written }],
    }) as { tool_calls: readonly { function: object }[] }
    expect(calls[0]?.function).toEqual({ name: 'unnamed', arguments: read })
  })

  test('outputs come right behind the calls that they answer, before anything else', () => {
    const input = [user('And?'), output('c2', 'two'), output('c1', 'one')]
    expect(messages(input, history).slice(2)).toEqual([answered('c2', 'two'), answered('c1', 'one'), user('And?')])
  })

  test('what led to the calls is not told twice when a client sends it again', () => {
    const input = [user('Q'), call('c1'), output('c1', 'one'), output('c2', 'two')]
    expect(messages(input, history).slice(2)).toEqual([answered('c1', 'one'), answered('c2', 'two')])
  })

  test('the same question twice is two questions', () => {
    const before = ChatHistory.empty.append([
      { role: 'user', content: 'Go on.' },
      { role: 'assistant', content: 'A' },
    ])
    expect(messages('Go on.', before)).toHaveLength(3)
  })

  test('the same question twice is one where recordings have it so', () => {
    const before = ChatHistory.empty.append([
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'A' },
    ])
    expect(convert([user('Q'), user('R')], before, { skipsRepeated: true }).history.messages.slice(2)).toEqual([
      user('R'),
    ])
    expect(convert([user('Q')], ChatHistory.empty, { skipsRepeated: true }).history.messages).toEqual([user('Q')])
  })

  test('leaves the history as it was, and the same items piece by piece are the same as at once', () => {
    const items = [user('Q'), call('c1'), output('c1', 'one'), user('R')]
    const pieces = items.map((_, index) => items.slice(index, index + 1))
    const grown = pieces.reduce((so, piece) => convert(piece, so).history, ChatHistory.empty)
    expect(grown.messages).toEqual(messages(items))
    expect(ChatHistory.empty.messages).toEqual([])
  })
})

describe('reasoning', () => {
  const reasoning = (...texts: string[]) => ({
    type: 'reasoning' as const,
    summary: [{ type: 'summary_text' as const, text: 'short' }],
    content: texts.map((text) => ({ type: 'reasoning_text' as const, text })),
  })

  test('goes with the assistant’s next message or call', () => {
    expect(messages([reasoning('a', 'b'), { role: 'assistant', content: 'A' }, reasoning('c'), call('c1')])).toEqual([
      { role: 'assistant', content: 'A', reasoning_content: 'a b' },
      { ...told('c1'), reasoning_content: 'c' },
    ])
  })

  test('is its summary where it has no content, and belongs to nobody once the user speaks', () => {
    expect(messages([reasoning(), { role: 'assistant', content: 'A' }])).toEqual([
      { role: 'assistant', content: 'A', reasoning_content: 'short' },
    ])
    expect(messages([reasoning('a'), user('Q'), { role: 'assistant', content: 'A' }])).toEqual([
      user('Q'),
      { role: 'assistant', content: 'A' },
    ])
  })
})

describe('other items', () => {
  test('a compaction is what the assistant said', () => {
    const item = { type: 'compaction' as const, encrypted_content: 'sealed' }
    expect(messages([item])).toEqual([{ role: 'assistant', content: 'sealed' }])
    const { history } = convert([item], ChatHistory.empty, { readCompaction: () => 'opened' })
    expect(history.messages).toEqual([{ role: 'assistant', content: 'opened' }])
  })

  test('a compaction that carries a history stands for everything before it', () => {
    const user = (content: string) => ({ role: 'user' as const, content })
    const item = (sealed: string) => ({ type: 'compaction' as const, encrypted_content: sealed })
    const kept = [{ role: 'assistant' as const, content: 'It was long.' }, user('b')]
    const options: ToChatMessagesOptions = {
      readCompaction: (sealed) => `told ${sealed}`,
      readCompactedHistory: (sealed) => (sealed === 'history' ? kept : undefined),
    }
    const before = ChatHistory.empty.append([user('gone')])
    const lost = { type: 'function_call_output' as const, call_id: 'nobody', output: 'x' }
    const anew = convert([user('a'), lost, item('history'), item('words'), user('c')], before, options)
    expect(anew.beginsAnew).toBe(true)
    expect(anew.history.messages).toEqual([...kept, { role: 'assistant', content: 'told words' }, user('c')])
    const beside = convert([user('a'), item('words')], before, options)
    expect(beside.beginsAnew).toBe(false)
    expect(beside.history.messages).toEqual([user('gone'), user('a'), { role: 'assistant', content: 'told words' }])
  })

  test('of tools of the server say nothing; those of tools that a chat does not have are accounted for', () => {
    const { history, adjustments } = convert([
      { type: 'web_search_call', id: 'ws_1', status: 'completed' },
      { type: 'mcp_list_tools', id: 'mcpl_1', server_label: 's', tools: [] },
      { type: 'computer_call', id: 'cu_1', call_id: 'c' },
    ])
    expect(history.messages).toEqual([])
    expect(adjustments).toEqual([expect.objectContaining({ param: 'input[2]', kind: 'dropped' })])
  })

  test('a reference that nobody resolved is refused', () => {
    const error = refusal(() => messages([{ type: 'item_reference', id: 'msg_1' }]))
    expect([error.param, error.status]).toEqual(['input[0].id', 400])
  })
})

describe('files', () => {
  const input = [{ role: 'user' as const, content: [{ type: 'input_file' as const, file_id: 'file-1' }] }]
  const principal = { id: 'local' }

  test('are read once, and become data URLs', async () => {
    const read: string[] = []
    const reader: FileReader = {
      read(id) {
        read.push(id)
        return Promise.resolve({ bytes: Buffer.from('A'), filename: 'a.pdf', mimeType: 'application/pdf' })
      },
    }
    const items = placedItems([...input, ...input])
    const files = await readReferencedFiles(items, { reader, principal })
    const { history } = appendItems(ChatHistory.empty, items, { files })
    expect(read).toEqual(['file-1'])
    expect(history.messages[1]).toEqual({
      role: 'user',
      content: [{ type: 'file', file: { file_data: 'data:application/pdf;base64,QQ==', filename: 'a.pdf' } }],
    })
  })

  test('are refused where the server keeps none, or has no such file', async () => {
    const items = placedItems(input)
    await expect(readReferencedFiles(items, { reader: undefined, principal })).rejects.toThrow('keeps no files')
    const missing = new StackError('completion_not_found', { id: 'file-1' })
    const reader: FileReader = { read: () => Promise.reject(missing) }
    await expect(readReferencedFiles(items, { reader, principal })).rejects.toMatchObject({
      code: 'invalid_value',
      param: 'input[0].content[0].file_id',
    })
  })

  test('nothing is waited for where no file is named', () => {
    expect(readReferencedFiles(placedItems('Hello'), { reader: undefined, principal })).toEqual(new Map())
  })
})
