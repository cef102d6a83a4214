import { expect, test } from 'vitest'
import { isWholeCompletion, isWholeStream } from './whole-answer.ts'

const end = (finish_reason: string | null, index = 0) => ({ choices: [{ index, delta: {}, finish_reason }] })

const stream = (pieces: readonly unknown[], last = 'data: [DONE]\n\n'): Buffer =>
  Buffer.from(pieces.map((piece) => `data: ${JSON.stringify(piece)}\n\n`).join('') + last)

test.each(['stop', 'length', 'tool_calls', 'function_call'])('an answer that ended with %s is whole', (reason) => {
  expect(isWholeCompletion([end(null), end(reason)])).toBe(true)
})

test.each(['error', 'abort', 'content_filter'])('an answer that ended with %s is not', (reason) => {
  expect(isWholeCompletion([end(null), end('stop', 1), end(reason)])).toBe(false)
})

test('every choice has to end', () => {
  expect(isWholeCompletion([end(null), end(null, 1), end('stop')])).toBe(false)
  expect(isWholeCompletion([end(null), end(null, 1), end('stop'), end('stop', 1)])).toBe(true)
  expect(isWholeCompletion([{ choices: [] }])).toBe(false)
  expect(isWholeCompletion([end('stop'), { error: { message: 'out of order' } }])).toBe(false)
})

test('a stream is whole with its last event, whatever stands between', () => {
  const pieces = [end(null), end('stop'), { choices: [], usage: { total_tokens: 7 } }]
  expect(isWholeStream(stream(pieces))).toBe(true)
  expect(isWholeStream(Buffer.concat([Buffer.from(': llama-stack {"provider":"b"}\n\n'), stream(pieces)]))).toBe(true)
  expect(isWholeStream(stream(pieces, ''))).toBe(false)
  expect(isWholeStream(stream([end(null)]))).toBe(false)
  expect(isWholeStream(Buffer.from('data: {"choices":[{\n\ndata: [DONE]\n\n'))).toBe(false)
})
