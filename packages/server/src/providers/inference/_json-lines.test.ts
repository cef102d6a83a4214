import type { ByteSink, ByteStream, StackError } from '@llama-stack/api'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJsonLines } from './_json-lines.ts'
import type { JsonLine } from './_json-lines.ts'

interface Read {
  readonly lines: JsonLine[]
  readonly ends: ('end' | StackError)[]
  cancelled: boolean
}

function read(chunks: readonly Uint8Array[], finish: (sink: ByteSink) => void = (sink) => sink.end()): Read {
  const found: Read = { lines: [], ends: [], cancelled: false }
  const stream: ByteStream = {
    pipe(sink) {
      for (const chunk of chunks) sink.data(chunk)
      finish(sink)
    },
    pause: () => undefined,
    resume: () => undefined,
    cancel: () => void (found.cancelled = true),
  }
  readJsonLines(stream, 'p', {
    line: (line) => found.lines.push(line),
    end: () => found.ends.push('end'),
    fail: (error) => found.ends.push(error),
  })
  return found
}

test('lines are the same however their bytes are cut', () => {
  const lines = [{ text: 'grün' }, { text: '🦙\n' }, { done: true }]
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length })), (places) => {
      const cuts = [0, ...places.toSorted((a, b) => a - b), bytes.length]
      const chunks = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end))
      const found = read(chunks)
      expect(found.lines).toEqual(lines)
      expect(found.ends).toEqual(['end'])
    }),
  )
})

test('a last line without its line feed counts', () => {
  expect(read([Buffer.from('{"a":1}\n\n{"b":2}')]).lines).toEqual([{ a: 1 }, { b: 2 }])
})

test.each(['<html>\n{"a":1}\n', '[1]\n{"a":1}\n', '{"a":\n{"a":1}\n'])('%j ends the stream', (text) => {
  const found = read([Buffer.from(text)])
  expect(found).toMatchObject({ lines: [], cancelled: true, ends: [{ code: 'provider_bad_reply' }] })
})

test('a line that never ends does not fill the memory', () => {
  const found = read(Array.from({ length: 20 }, () => Buffer.alloc(1024 * 1024, 'x')))
  expect(found).toMatchObject({ cancelled: true, ends: [{ code: 'provider_bad_reply' }] })
})
