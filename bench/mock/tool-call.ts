import { toChunkEvents, toCompletion } from './bodies.ts'

/** What a model that has tools says: it calls one, and it speaks when it has been told the result. */
export const toolArguments = JSON.stringify({ text: 'Which boat came in first?' })

/** The id of every call. No response calls twice, and calls of different responses do not meet. */
const callId = 'call_bench000001'
/** Where vendors cut arguments has nothing to do with JSON. */
const fragmentLength = 9
const completionTokens = 14

const offered = /"tools":\[\{"type":"function","function":\{(?:"[^"]+":"(?:[^"\\]|\\.)*",)*?"name":"([^"]+)"/

/**
 * The tool that the request's model calls: the first that is offered, until a result stands behind the last question.
 * The body is compact JSON, as `JSON.stringify` writes it.
 */
export function findCalledTool(body: string): string | undefined {
  if (body.lastIndexOf('"role":"tool"') > body.lastIndexOf('"role":"user"')) return undefined
  return offered.exec(body)?.[1]
}

/** The events of a reply that calls the tool, its arguments in fragments. */
export function toToolCallEvents(name: string, withUsage: boolean): string[] {
  const fragments = toolArguments.match(new RegExp(`.{1,${fragmentLength}}`, 'g')) ?? []
  const first = { index: 0, id: callId, type: 'function', function: { name, arguments: '' } }
  const deltas = [
    { role: 'assistant', content: null, tool_calls: [first] },
    ...fragments.map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
    {},
  ]
  return toChunkEvents({ deltas, finish: 'tool_calls', completionTokens, withUsage })
}

/** The same call, whole. */
export function toToolCallReply(name: string): string {
  const call = { id: callId, type: 'function', function: { name, arguments: toolArguments } }
  return toCompletion({ message: { content: null, tool_calls: [call] }, finish: 'tool_calls', completionTokens })
}
