import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventWriter, toDeltaHead } from './event-writer.ts'
import { obfuscate } from './obfuscation.ts'

function tell(obfuscates: boolean, deltas: readonly string[]): readonly string[] {
  const told: string[] = []
  const events = new EventWriter({ event: (json) => told.push(json) }, { obfuscates })
  const head = toDeltaHead('response.output_text.delta', { item_id: 'msg_1' })
  for (const delta of deltas) events.delta(head, delta, ',"logprobs":[]')
  events.emit('response.output_text.done', { text: deltas.join('') })
  return told
}

test('events are padded afterwards as they would have been at once, and the other way round', () => {
  const text = fc.oneof(fc.string(), fc.constant(',"obfuscation":"x"}'))
  fc.assert(
    fc.property(fc.array(text), (deltas) => {
      const [plain, padded] = [tell(false, deltas), tell(true, deltas)]
      for (const from of [plain, padded]) {
        expect(from.map((json) => obfuscate(json, true))).toEqual(padded)
        expect(from.map((json) => obfuscate(json, false))).toEqual(plain)
      }
    }),
  )
})
