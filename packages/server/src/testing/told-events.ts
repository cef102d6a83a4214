/** Events of a response as the engine tells them: single ones, and deltas in a row. */
import fc from 'fast-check'
import type { ToldEvents } from '../storage/delta-run.ts'

const parts = [
  '{"type":"response.output_text.delta","content_index":0,"delta":',
  '{"type":"response.refusal.delta","delta":',
]
const rests = ['}', ',"logprobs":[]}']

const piece = fc.oneof(
  fc.record({ value: fc.string({ unit: 'binary' }) }),
  fc.record({
    head: fc.constantFrom(...parts),
    rest: fc.constantFrom(...rests),
    values: fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }),
  }),
)

/** Gives events whose numbers begin with the one that is asked for. */
export const toldEvents: fc.Arbitrary<(first: number) => ToldEvents[]> = fc.array(piece).map((pieces) => (first) => {
  let next = first
  return pieces.map((each): ToldEvents => {
    if (!('head' in each)) return JSON.stringify({ type: 'response.something', sequence_number: next++, ...each })
    const { head, rest, values } = each
    const run = { head, rest, first: next, values: values.map((value) => JSON.stringify(value)) }
    next += values.length
    return run
  })
})
