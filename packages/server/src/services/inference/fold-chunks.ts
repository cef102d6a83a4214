/** The completion that a stream of chunks amounts to. */
import type { ChatCompletion } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'

type Fields = Record<string, unknown>

/** Members of a delta that name something once; every other text is a piece of a longer one. */
const WHOLE = new Set(['role', 'id', 'type', 'name'])

/** Folds the chunks of a chat completion. Fields that only some vendors send (`reasoning_content`) are folded too. */
export function foldChatChunks(chunks: readonly Fields[]): ChatCompletion {
  const head: Fields = {}
  const choices = new Map<number, Fields>()
  for (const chunk of chunks) {
    for (const [key, value] of Object.entries(chunk)) {
      if (key !== 'choices' && (head[key] === undefined || head[key] === null || key === 'usage')) {
        if (value !== null || !(key in head)) head[key] = value
      }
    }
    for (const choice of asList(chunk['choices'])) foldChoice(choices, choice)
  }
  return {
    ...head,
    id: textOr(head['id'], ''),
    object: 'chat.completion',
    created: Number(head['created'] ?? 0),
    model: textOr(head['model'], ''),
    choices: [...choices.entries()].sort(([a], [b]) => a - b).map(([index, choice]) => toChoice(index, choice)),
  }
}

function foldChoice(choices: Map<number, Fields>, piece: Fields): void {
  const index = Number(piece['index'] ?? 0)
  const choice = choices.get(index) ?? { message: {} }
  choices.set(index, choice)
  foldDelta(asRecord(choice['message']), asRecord(piece['delta']))
  if (typeof piece['finish_reason'] === 'string') choice['finish_reason'] = piece['finish_reason']
  const logprobs = asRecord(piece['logprobs'])
  if (Array.isArray(logprobs['content'])) {
    const before = asRecord(choice['logprobs'])['content']
    choice['logprobs'] = { ...logprobs, content: [...(Array.isArray(before) ? before : []), ...logprobs['content']] }
  }
}

function foldDelta(into: Fields, delta: Fields): void {
  for (const [key, value] of Object.entries(delta)) {
    if (value === null || value === undefined) {
      if (!(key in into)) into[key] = value
    } else if (key === 'tool_calls') {
      foldToolCalls(into, asList(value))
    } else if (typeof value === 'string' && !WHOLE.has(key)) {
      into[key] = (typeof into[key] === 'string' ? into[key] : '') + value
    } else if (typeof value === 'object' && !Array.isArray(value)) {
      const inner = asRecord(into[key])
      into[key] = inner
      foldDelta(inner, asRecord(value))
    } else if (!WHOLE.has(key) || typeof into[key] !== 'string' || into[key] === '') {
      into[key] = value
    }
  }
}

function foldToolCalls(into: Fields, pieces: readonly Fields[]): void {
  const calls = Array.isArray(into['tool_calls']) ? (into['tool_calls'] as Fields[]) : []
  into['tool_calls'] = calls
  for (const { index, ...piece } of pieces) {
    const at = typeof index === 'number' ? index : Math.max(0, calls.length - 1)
    const call = calls[at] ?? {}
    calls[at] = call
    foldDelta(call, piece)
  }
}

function toChoice(index: number, folded: Fields): ChatCompletion['choices'][number] {
  const message = asRecord(folded['message'])
  // Indexes may have gaps when a vendor starts at 1.
  if (Array.isArray(message['tool_calls']))
    message['tool_calls'] = message['tool_calls'].filter((call) => call !== undefined)
  const content = typeof message['content'] === 'string' ? message['content'] : null
  return {
    ...folded,
    index,
    message: { ...message, role: 'assistant', content },
    finish_reason: textOr(folded['finish_reason'], 'stop'),
    logprobs: folded['logprobs'] === undefined ? null : asRecord(folded['logprobs']),
  }
}

function textOr(of: unknown, otherwise: string): string {
  return typeof of === 'string' ? of : otherwise
}

function asList(of: unknown): Fields[] {
  return Array.isArray(of) ? of.map(asRecord) : []
}
