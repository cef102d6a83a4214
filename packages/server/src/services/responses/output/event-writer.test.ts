import { expect, test } from 'vitest'
import { toEvents } from '../../../storage/delta-run.ts'
import type { ToldEvents } from '../../../storage/delta-run.ts'
import { EventWriter, toDeltaHead } from './event-writer.ts'

const head = toDeltaHead('response.output_text.delta', { item_id: 'msg_1', output_index: 0, content_index: 0 })

function tell(options: { next?: number; obfuscates?: boolean }, write: (events: EventWriter) => void): object[] {
  const told: object[] = []
  write(new EventWriter({ event: (json) => told.push(JSON.parse(json) as object) }, options))
  return told
}

test('events are numbered without gaps, and say first what they are', () => {
  const told = tell({ next: 7 }, (events) => {
    events.emit('response.created', { response: {} })
    events.delta(head, 'Hi', ',"logprobs":[]')
  })
  expect(told).toEqual([
    { type: 'response.created', sequence_number: 7, response: {} },
    {
      type: 'response.output_text.delta',
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      delta: 'Hi',
      sequence_number: 8,
      logprobs: [],
    },
  ])
  expect(told.map((event) => Object.keys(event)[0])).toEqual(['type', 'type'])
})

test('padded deltas do not tell how long they are', () => {
  const texts = ['', 'a', 'four', 'fifteen letters', 'sixteen letters!']
  const told = tell({ obfuscates: true }, (events) => {
    for (const text of texts) events.delta(head, text)
  })
  expect(told).toMatchObject(texts.map((delta) => ({ delta })))
  // What was written above has both members.
  const lengths = (told as { delta: string; obfuscation: string }[]).map(
    (event) => (event.delta + event.obfuscation).length,
  )
  expect(lengths).toEqual([16, 16, 16, 16, 32])
})

test('deltas that came together are one run for who takes runs, and are the same events for others', () => {
  const write = (events: EventWriter): void => {
    events.deltas(head, ['Hi', ' "you"\n'], ',"logprobs":[]')
    events.delta(head, '!')
  }
  const told: ToldEvents[] = []
  write(new EventWriter({ event: (json) => told.push(json), run: (run) => told.push(run) }, { next: 3 }))
  expect(told).toHaveLength(2)
  expect(toEvents(told).map((json): unknown => JSON.parse(json))).toEqual(tell({ next: 3 }, write))
})
