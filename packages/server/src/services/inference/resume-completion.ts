/** Going on with a streamed completion that broke off: what the next target is asked, and how its chunks join the first. */
import type { BrokenStream } from '../reliability/operation.ts'
import { asRecord } from '../../kernel/json-record.ts'
import { createSseParser } from '../../kernel/sse.ts'
import type { CompletionShape } from './repair-chunk.ts'

type Fields = Record<string, unknown>

/** What the client has of the stream. */
interface Begun {
  /** The members that every chunk of a stream repeats. */
  readonly head: Fields
  readonly hasRole: boolean
  readonly text: string
  /** Nothing but text can be taken up where it stopped: no call of a tool, no second choice, no end. */
  readonly isPlain: boolean
}

/** Says it in the conversation itself: few vendors take an unfinished message of the assistant as the beginning of theirs. */
const GO_ON =
  'Your last message was cut off. Continue it exactly where it stopped. Repeat nothing of it, and do not mention the interruption.'

/** Whether another target can be asked for the rest. What only began can always be begun anew. */
export function canResume(broken: BrokenStream, shape: CompletionShape, request: Readonly<Fields>): boolean {
  if (!broken.hasContent) return true
  const format = asRecord(request['response_format'])['type']
  if (format !== undefined && format !== 'text') return false
  if (shape === 'text' && (typeof request['prompt'] !== 'string' || request['echo'] === true)) return false
  return readBegun(broken, shape).isPlain
}

/** The request for the rest. */
export function toResumedRequest<Request extends Readonly<Fields>>(
  request: Request,
  broken: BrokenStream,
  shape: CompletionShape,
): Request {
  const { text } = readBegun(broken, shape)
  if (text === '') return request
  if (shape === 'text') return { ...request, prompt: `${String(request['prompt'])}${text}` }
  const { messages } = request
  const before: readonly unknown[] = Array.isArray(messages) ? messages : []
  return {
    ...request,
    messages: [...before, { role: 'assistant', content: text }, { role: 'user', content: GO_ON }],
  }
}

/** Makes the chunks of the rest a part of the stream that the client knows: the same id, time and model, no second role. */
export function createChunkJoiner(broken: BrokenStream, shape: CompletionShape): (chunk: Fields) => Fields {
  const { head, hasRole } = readBegun(broken, shape)
  return (chunk) => {
    const { choices } = chunk
    const joined = { ...chunk, ...head }
    if (!hasRole || !Array.isArray(choices)) return joined
    return { ...joined, choices: choices.map((choice) => withoutRole(asRecord(choice))) }
  }
}

function withoutRole(choice: Fields): Fields {
  const { role: _role, ...delta } = asRecord(choice['delta'])
  return { ...choice, delta }
}

function readBegun({ sent }: BrokenStream, shape: CompletionShape): Begun {
  const head: Fields = {}
  let text = ''
  let hasRole = false
  let isPlain = true
  const parser = createSseParser(({ data }) => {
    // What was sent is JSON that the relay had parsed or copied; only the end of a stream is not.
    const chunk = data === '[DONE]' ? {} : (JSON.parse(data) as Fields)
    for (const name of ['id', 'created', 'model']) {
      if (head[name] === undefined && chunk[name] !== undefined && chunk[name] !== '') head[name] = chunk[name]
    }
    const { choices } = chunk
    for (const each of Array.isArray(choices) ? choices : []) {
      const choice = asRecord(each)
      const { role, content, tool_calls: calls } = asRecord(choice['delta'])
      const piece = shape === 'text' ? choice['text'] : content
      if (role !== undefined && role !== null) hasRole = true
      if (typeof piece === 'string') text += piece
      if (Array.isArray(calls) || choice['index'] !== 0 || typeof choice['finish_reason'] === 'string') isPlain = false
    }
  })
  for (const bytes of sent) parser.push(bytes)
  parser.end()
  return { head, hasRole, text, isPlain }
}
