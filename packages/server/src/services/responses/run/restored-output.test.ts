import { describe, expect, test } from 'vitest'
import { foldResponseEvents } from '../../../testing/fold-response-events.ts'
import { CallWriter } from '../output/call-writer.ts'
import { EventWriter } from '../output/event-writer.ts'
import { MessageWriter } from '../output/message-writer.ts'
import { Output } from '../output/output.ts'
import { ReasoningWriter } from '../output/reasoning-writer.ts'
import { SearchWriter } from '../output/search-writer.ts'
import { ToolListWriter } from '../output/tool-list-writer.ts'
import { addWholeItem } from '../output/whole-item.ts'
import { restoreOutput, toToldItems } from './restored-output.ts'

/** A writer that keeps what it tells. */
function createKeptOutput(next = 0) {
  const texts: string[] = []
  const output = new Output(new EventWriter({ event: (json) => void texts.push(json) }, { next }))
  return { texts, output }
}

/** Every kind of item, told in pieces. */
function tellEverything(output: Output): void {
  const list = new ToolListWriter(output, { id: 'mcpl_1', serverLabel: 'files' })
  list.close([{ name: 'write', input_schema: {} }])
  const reasoning = new ReasoningWriter(output, 'rs_1')
  for (const piece of ['I ', 'think']) reasoning.addText(piece)
  reasoning.addSummary('Thought.')
  reasoning.close('completed')
  const message = new MessageWriter(output, 'msg_1')
  message.addText('It is', [{ token: 'It', logprob: -0.5 }])
  message.addText(' so', [{ token: ' so', logprob: -1 }])
  message.annotate({ type: 'url_citation', url: 'https://example.com', title: 'A', start_index: 0, end_index: 2 })
  message.addRefusal('No ')
  message.addRefusal('more.')
  message.close('completed')
  const call = new CallWriter(output, {
    kind: 'function_call',
    id: 'fc_1',
    name: 'look',
    members: { call_id: 'call_1' },
  })
  for (const piece of ['{"a"', ':1}']) call.addArgument(piece)
  call.close('completed')
  const custom = new CallWriter(output, {
    kind: 'custom_tool_call',
    id: 'ctc_1',
    name: 'note',
    members: { call_id: 'call_2' },
  })
  custom.addArgument('free text')
  custom.close('completed')
  const made = new CallWriter(output, {
    kind: 'mcp_call',
    id: 'mcp_1',
    name: 'write',
    members: { server_label: 'files' },
  })
  made.addArgument('{"text":"ü\\n"}')
  made.settle({ output: 'done' })
  const search = new SearchWriter(output, {
    id: 'ws_1',
    type: 'web_search_call',
    action: { type: 'search', query: 'q' },
  })
  search.close('completed', {})
  addWholeItem(output, {
    id: 'mcpr_1',
    type: 'mcp_approval_request',
    server_label: 'files',
    name: 'write',
    arguments: '{}',
  })
}

function tellAll(): readonly string[] {
  const { texts, output } = createKeptOutput()
  tellEverything(output)
  return texts
}

const all = tellAll()
const parse = (texts: readonly string[]) => texts.map((text) => JSON.parse(text) as Record<string, unknown>)

describe('what was told before a crash', () => {
  test.each(all.map((_, cut) => cut + 1))('is continued after %i events without a contradiction', (cut) => {
    const told = all.slice(0, cut)
    const { texts, output } = createKeptOutput(cut)
    restoreOutput(toToldItems(told, []), output, [])
    const { response, open } = foldResponseEvents(parse([...told, ...texts]))
    expect(open).toEqual([])
    expect(output.items).toEqual(response['output'])
    // Nothing but ends: at most the one item that was open.
    expect(texts.length).toBeLessThanOrEqual(1)
  })

  test.each(all.map((_, cut) => cut + 1))('keeps a call that goes on open after %i events', (cut) => {
    const told = all.slice(0, cut)
    const { texts, output } = createKeptOutput(cut)
    const restored = restoreOutput(toToldItems(told, []), output, [{ itemId: 'mcp_1' }])
    const call = restored.get('mcp_1')
    if (call?.place === undefined) return
    expect(texts).toEqual([])
    output.abandonOpen()
    const { response, open } = foldResponseEvents(parse([...told, ...texts]))
    expect(open).toEqual([])
    expect(output.items).toEqual(response['output'])
    expect(output.items.at(-1)).toMatchObject({ id: 'mcp_1', status: 'incomplete' })
  })

  test('is what the row has, where nobody was told anything', () => {
    const { texts, output } = createKeptOutput()
    const item = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [] }
    restoreOutput(toToldItems([], [JSON.stringify(item)]), output, [])
    expect([output.items, texts]).toEqual([[item], []])
  })
})
