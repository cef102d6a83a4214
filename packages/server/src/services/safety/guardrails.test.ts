import { StackError } from '@llama-stack/api'
import type { JsonObject, Log, SafetyProvider, ShieldMessage, ShieldVerdict, ShieldViolation } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { provider as rules } from '../../providers/safety/rules.ts'
import { createOfflineProvider, offlineCall } from '../../testing/offline-provider.ts'
import { toGuardrails } from './guardrails.ts'
import type { ReadyShield } from './shield-book.ts'
import type { OutputGuard } from './stream-guard.ts'

const call = offlineCall()

const violation = (level: ShieldViolation['level'] = 'error'): ShieldViolation => ({
  level,
  userMessage: 'No.',
  categories: ['test'],
  metadata: {},
})

function ready(id: string, provider: SafetyProvider): ReadyShield {
  return { description: { id, providerShieldId: id, params: {} }, providerId: id, provider }
}

const wordsShield = (...words: string[]): ReadyShield =>
  ready('words', createOfflineProvider(rules, { words, secrets: false, prompt_injection: false, pii: false }))

/** A shield that judges whole texts, as a model does, and notes what it is asked. */
function modelShield(isBad: (text: string) => boolean, id = 'model') {
  const asked: ShieldMessage[][] = []
  const shield = ready(id, {
    judge: async (_shield, messages): Promise<ShieldVerdict> => {
      asked.push([...messages])
      return isBad(messages.at(-1)?.text ?? '') ? { violation: violation() } : {}
    },
  })
  return { shield, asked, texts: () => asked.map((messages) => messages.map(({ text }) => text).join('|')) }
}

/** What is shown of an answer given in pieces, and the shield that ended it. */
async function play(guard: OutputGuard, pieces: readonly string[]): Promise<{ shown: string; stoppedBy?: string }> {
  let shown = ''
  for (const next of [...pieces.map((piece) => () => guard.add(piece)), () => guard.end()]) {
    const outcome = await next()
    if (typeof outcome !== 'string') return { shown, stoppedBy: outcome.shieldId }
    shown += outcome
  }
  return { shown }
}

const cutText = (text: fc.Arbitrary<string>) =>
  text.chain((whole) =>
    fc.array(fc.nat({ max: whole.length }), { maxLength: 8 }).map((cuts) => {
      const at = [0, ...cuts.toSorted((one, other) => one - other), whole.length]
      return { whole, pieces: at.slice(1).map((end, index) => whole.slice(at[index], end)) }
    }),
  )

describe('an answer under shields that read streams', () => {
  test('is shown whole, or up to what may not be shown, wherever it is cut', async () => {
    const text = fc
      .array(fc.constantFrom('red', 'apple', ' ', 'red apple', 'green', '😀', '.', 'x'), { maxLength: 12 })
      .map((parts) => parts.join(''))
    await fc.assert(
      fc.asyncProperty(cutText(text), async ({ whole, pieces }) => {
        const guardrails = toGuardrails({ shields: [wordsShield('red apple', '😀')], log: silentLog })
        const { shown, stoppedBy } = await play(guardrails.openOutput(call), pieces)
        const first = /\bred\s+apple\b|😀/.exec(whole)
        expect(stoppedBy).toBe(first === null ? undefined : 'words')
        expect((first === null ? whole : whole.slice(0, first.index)).startsWith(shown)).toBe(true)
        expect(first !== null || shown === whole).toBe(true)
      }),
    )
  })

  test('is judged at once, with no promise in between', () => {
    const guard = toGuardrails({ shields: [wordsShield('red')], log: silentLog }).openOutput(call)
    expect([guard.add('Hello, '), guard.add('re'), guard.add('ady '), guard.end()]).toEqual([
      'Hello, ',
      '',
      'ready ',
      '',
    ])
  })

  test('never ends in half a character', () => {
    const guard = toGuardrails({ shields: [wordsShield('red')], log: silentLog }).openOutput(call)
    expect([guard.add('a\ud83d'), guard.add('\ude00b'), guard.end()]).toEqual(['a', '😀b', ''])
    const broken = toGuardrails({ shields: [wordsShield('red')], log: silentLog }).openOutput(call)
    expect([broken.add('a\ud83d'), broken.end()]).toEqual(['a', '\ud83d'])
  })
})

describe('an answer under shields that are models', () => {
  test('is asked about in windows that overlap, in proportion to its length', async () => {
    const model = modelShield(() => false)
    const guard = toGuardrails({ shields: [model.shield], log: silentLog }).openOutput(call)
    const pieces = Array.from({ length: 1000 }, (_, index) => `word${index} `)
    expect(await play(guard, pieces)).toEqual({ shown: pieces.join('') })
    const total = model.texts().join('').length
    expect(total).toBeLessThan(2 * pieces.join('').length + 400)
    expect(model.asked.flat().every(({ role }) => role === 'assistant')).toBe(true)
  })

  test('is not shown before it is judged, and a phrase over the border of two windows is seen', async () => {
    const text = fc
      .tuple(fc.nat({ max: 600 }), fc.nat({ max: 600 }))
      .map(([before, after]) => `${'x'.repeat(before)}forbidden${'y'.repeat(after)}`)
    await fc.assert(
      fc.asyncProperty(cutText(text), async ({ whole, pieces }) => {
        const model = modelShield((window) => window.includes('forbidden'))
        const guard = toGuardrails({ shields: [model.shield], log: silentLog }).openOutput(call)
        const { shown, stoppedBy } = await play(guard, pieces)
        expect(stoppedBy).toBe('model')
        // Of a phrase that a window cuts, its beginning was judged alone and shown.
        expect(shown.length).toBeLessThan(whole.indexOf('forbidden') + 'forbidden'.length)
      }),
    )
  })

  test('is given whole each time where upstream’s recordings answer', async () => {
    const model = modelShield(() => false)
    const guard = toGuardrails({ shields: [model.shield], log: silentLog, cumulative: true }).openOutput(call)
    await play(guard, ['a'.repeat(150), 'b'.repeat(60), 'c'.repeat(199), 'd', 'e'])
    const [a, b, c] = ['a'.repeat(150), 'b'.repeat(60), 'c'.repeat(199)]
    expect(model.texts()).toEqual([`${a}${b}`, `${a}${b}${c}d`, `${a}${b}${c}de`])
    expect(model.asked.flat().every(({ role }) => role === 'user')).toBe(true)
  })

  test('is not asked about where nothing was said', async () => {
    const model = modelShield(() => true)
    const guard = toGuardrails({ shields: [model.shield], log: silentLog }).openOutput(call)
    expect(await play(guard, ['', ''])).toEqual({ shown: '' })
    expect(model.asked).toEqual([])
  })

  test('passes nothing when a shield fails', async () => {
    const failing = ready('down', {
      judge: () => Promise.reject(new StackError('provider_unreachable', { provider: 'x', reason: 'gone' })),
    })
    const guardrails = toGuardrails({ shields: [failing], log: silentLog })
    await expect(guardrails.checkInput([{ role: 'user', text: 'Hi' }], call)).rejects.toMatchObject({
      code: 'provider_unreachable',
    })
    const guard = guardrails.openOutput(call)
    expect(guard.add('short')).toBe('')
    await expect(Promise.resolve(guard.end())).rejects.toMatchObject({ code: 'provider_unreachable' })
  })
})

describe('several shields', () => {
  test('let go of what all of them have decided on', async () => {
    const model = modelShield(() => false)
    const guard = toGuardrails({ shields: [wordsShield('red'), model.shield], log: silentLog }).openOutput(call)
    expect(guard.add('x'.repeat(150))).toBe('')
    expect(await guard.add(`${'x'.repeat(60)} re`)).toBe(`${'x'.repeat(210)} `)
    expect(await guard.end()).toBe('re')
  })

  test('name the first of the list that objects', async () => {
    const shields = [modelShield(() => true, 'one').shield, modelShield(() => true, 'two').shield]
    const hit = await toGuardrails({ shields, log: silentLog }).checkInput([{ role: 'user', text: 'Hi' }], call)
    expect(hit).toEqual({ shieldId: 'one', violation: violation() })
  })
})

describe('what goes in', () => {
  test('is judged message by message by a model, whose verdict is on the last one', async () => {
    const model = modelShield((text) => text.includes('bad'))
    const messages: ShieldMessage[] = [
      { role: 'user', text: 'bad' },
      { role: 'tool', text: 'fine' },
      { role: 'tool', text: 'too' },
    ]
    const guardrails = toGuardrails({ shields: [model.shield], log: silentLog })
    expect(await guardrails.checkInput(messages, call)).toMatchObject({ shieldId: 'model' })
    expect(model.texts()).toEqual(['bad', 'fine\ntoo'])
  })

  test('passes with what is only to be reported, which the log has once', async () => {
    const lines: [string, JsonObject | undefined][] = []
    const log: Log = { ...silentLog, warn: (message, fields) => void lines.push([message, fields]), child: () => log }
    const warning = ready('soft', { judge: async () => ({ violation: violation('warn') }) })
    const guardrails = toGuardrails({ shields: [warning], log })
    for (let time = 0; time < 2; time += 1) {
      expect(await guardrails.checkInput([{ role: 'user', text: 'Hi' }], call)).toBeUndefined()
    }
    expect(lines).toEqual([[expect.any(String), { shield: 'soft', categories: ['test'] }]])
  })
})

test('a piece that comes before a verdict is a mistake of the caller', async () => {
  const guard = toGuardrails({ shields: [modelShield(() => false).shield], log: silentLog }).openOutput(call)
  const pending = guard.add('x'.repeat(200))
  expect(() => guard.add('y')).toThrow(/bug/)
  expect(typeof (await pending)).toBe('string')
})
