import { expect, test } from 'vitest'
import fc from 'fast-check'
import { toldEvents } from '../../testing/told-events.ts'
import { toEvents } from '../delta-run.ts'
import { fromEventLines, toEventLines } from './event-lines.ts'

test('events and deltas in a row come back event by event, numbers included', () => {
  fc.assert(
    fc.property(fc.nat(1000), toldEvents, (first, pieces) => {
      const told = pieces(first)
      expect(fromEventLines(toEventLines(told), first)).toEqual(toEvents(told))
    }),
  )
})

test('deltas of one part are one line, however many pieces they came in', () => {
  const run = (first: number, ...values: string[]) => ({
    head: '{"type":"response.output_text.delta","delta":',
    rest: '}',
    first,
    values: values.map((value) => JSON.stringify(value)),
  })
  const lines = toEventLines([run(4, 'a', '\n'), run(6, 'c'), '{"type":"response.completed","sequence_number":7}'])
  expect(lines.split('\n')).toEqual([
    '["{\\"type\\":\\"response.output_text.delta\\",\\"delta\\":","}","a","\\n","c"]',
    '{"type":"response.completed","sequence_number":7}',
  ])
})
