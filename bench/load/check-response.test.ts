import { expect, test } from 'vitest'
import { toStreamText } from '../mock/bodies.ts'
import { checkEvents, type ResponseCall } from './check-response.ts'

const call: ResponseCall = { body: '', items: ['message'], events: 3 }
const response = {
  id: 'resp_1',
  status: 'completed',
  output: [{ type: 'message', content: [{ text: toStreamText(3) }] }],
  usage: { total_tokens: 30 },
}

const whole = [
  { type: 'response.created' },
  { type: 'response.output_text.delta', delta: ' t0001' },
  { type: 'response.output_text.delta', delta: ' t0002' },
  { type: 'response.completed', response },
]

function toStream(events: readonly { readonly type: string }[]): string {
  return events
    .map((event, index) => `event: ${event.type}\ndata: ${JSON.stringify({ sequence_number: index, ...event })}\n\n`)
    .join('')
}

const faultOf = (events: readonly { readonly type: string }[]): string | undefined =>
  checkEvents(toStream(events), call).fault

test('a whole stream is without fault, and its events are counted', () => {
  expect(checkEvents(toStream(whole), call)).toEqual({ fault: undefined, id: 'resp_1', events: 4 })
})

test('what is lost, doubled or cut is a fault', () => {
  expect(faultOf(whole.toSpliced(2, 1))).toBe('1 pieces of text for the 2 of the mock')
  expect(faultOf(whole.toSpliced(1, 2, ...whole.slice(2, 3), ...whole.slice(1, 2)))).toContain('do not add up')
  expect(
    faultOf(whole.with(2, { ...whole[2], type: 'response.output_text.delta', sequence_number: 7 } as never)),
  ).toContain('gaps')
  expect(faultOf(whole.slice(0, -1))).toContain('the last event')
  expect(checkEvents(toStream(whole).slice(0, -1), call).fault).toContain('within an event')
  expect(checkEvents(toStream(whole).replace('event: response.created', 'event: other'), call).fault).toContain('name')
})

test('the response at the end has to be what the mock said', () => {
  const ended = (more: object) =>
    faultOf(whole.with(3, { type: 'response.completed', response: { ...response, ...more } } as never))
  expect(ended({ status: 'incomplete' })).toContain('is incomplete')
  expect(ended({ output: [] })).toBe('the output is , not message')
  expect(ended({ output: [{ type: 'message', content: [{ text: 'else' }] }] })).toContain('the text')
  expect(ended({ usage: null })).toContain('usage')
})
