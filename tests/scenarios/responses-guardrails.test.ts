/** Guardrails around responses: a real shield, made of rules. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkStream, withResponses } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { chatReply, doors } from './stack-under-test.ts'
import type { UnderTestOptions } from './stack-under-test.ts'

const scene = (door: (typeof doors)[number]): UnderTestOptions => ({
  door,
  configOf: ({ url }) => ({
    providers: [
      { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
      { api: 'safety', id: 'rules', type: 'inline::rules', config: { words: ['grapefruit'] } },
    ],
    resources: { shields: [{ shield_id: 'house', provider_id: 'rules' }] },
  }),
})

const guardrails = ['house']
const lookup = { type: 'function', name: 'lookup', parameters: {} } as never

/** A shield that is a model, asked at the scripted one. */
const judged: UnderTestOptions = {
  door: 'fetch',
  configOf: ({ url }) => ({
    providers: [
      { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
      { api: 'safety', id: 'guard', type: 'inline::llama-guard', config: {} },
    ],
    resources: { shields: [{ shield_id: 'house', provider_id: 'guard', provider_shield_id: 'vendor/m1' }] },
    reliability: { retries: 0 },
  }),
}

/** A verdict that takes its time. */
const verdict = (content: string, delayMs = 0) => ({
  delayMs,
  json: { ...chatReply, choices: [{ ...chatReply.choices[0], message: { role: 'assistant', content } }] },
})

test('[B099] a verdict that comes after the end of the response changes nothing', async () => {
  await withResponses(judged, async (under) => {
    const text = 'A sentence that is long enough to be judged. '.repeat(20)
    const pieces = [text, text].map((content) => ({ delta: { content } }))
    under.model.answers('Go', streams(pieces, { gapMs: 30, isCut: true }))
    let asked = 0
    under.model.answers('*', () => ((asked += 1) === 1 ? verdict('safe') : verdict('safe', 300)))
    const { id } = await under.ask({ input: 'Go', guardrails, background: true })
    await expect.poll(async () => (await under.fetchResponse(id)).status).toBe('failed')
    const [texts, response] = [await under.replay(id), await under.fetchResponse(id)]
    expect(asked).toBeGreaterThan(1)
    await sleep(500)
    expect(await under.replay(id)).toEqual(texts)
    expect(await under.fetchResponse(id)).toEqual(response)
    expect(checkStream(texts).response).toEqual(response)
  })
})

test('[B099] a shield that is a model lets pass and stops as one of rules does', async () => {
  await withResponses(judged, async (under) => {
    const text = 'One sentence. Another one. And a third. '.repeat(30)
    const pieces = Array.from({ length: 40 }, (_, index) => text.slice(index * 30, (index + 1) * 30))
    under.model.answers('Go', streams(pieces.map((content) => ({ delta: { content } }))))
    under.model.answers('*', () => verdict('safe', 5))
    const { response } = await under.stream({ input: 'Go', guardrails })
    expect(response).toMatchObject({ status: 'completed', output: [{ content: [{ text: pieces.join('') }] }] })
    let asked = 0
    under.model.answers('*', () => verdict((asked += 1) > 2 ? 'unsafe\nS1' : 'safe', 5))
    const { response: stopped } = await under.stream({ input: 'Go', guardrails })
    expect(stopped.status).toBe('completed')
    expect(JSON.stringify(stopped.output)).toContain('"refusal"')
  })
})

describe.each(doors)('through the %s', (door) => {
  test('[B099] what may not go in never reaches the model', async () => {
    await withResponses(scene(door), async (under) => {
      for (const stream of [true, false]) {
        const request = { input: 'A grapefruit, please.', guardrails }
        const response = stream ? (await under.stream(request)).response : await under.ask(request)
        expect(response).toMatchObject({
          status: 'completed',
          output: [{ type: 'message', content: [{ type: 'refusal', refusal: expect.any(String) }] }],
        })
      }
      expect(under.model.asked).toEqual([])
      under.model.answers('An apple.', says('Here.'))
      expect(await under.ask({ input: 'An apple.', guardrails })).toMatchObject({
        output: [{ content: [{ text: 'Here.' }] }],
      })
    })
  })

  test('[B099] what may not come out is never sent, and never told to the model again', async () => {
    await withResponses(scene(door), async (under) => {
      const pieces = ['Have a ', 'gra', 'pefr', 'uit', ' or two, with sugar on top, as you like it best.']
      under.model.answers(
        'Hungry',
        streams(
          pieces.map((content) => ({ delta: { content } })),
          { gapMs: 5 },
        ),
      )
      const { response, texts } = await under.stream({ input: 'Hungry', guardrails })
      expect(texts.join('')).not.toMatch(/grapefruit|pefr|sugar/)
      expect(response.status).toBe('completed')
      const [message] = response.output
      const parts = (message as unknown as { content: { type: string }[] }).content
      expect(parts.at(-1)).toMatchObject({ type: 'refusal' })
      expect(await under.fetchResponse(response.id)).toEqual(response)
      const whole = await under.ask({ input: 'Hungry', guardrails })
      expect(JSON.stringify(whole)).not.toMatch(/grapefruit|sugar/)
      under.model.answers('And now?', says('Fine.'))
      await under.ask({ input: 'And now?', guardrails, previous_response_id: response.id })
      expect(JSON.stringify(under.model.asked.at(-1)?.messages)).not.toContain('grapefruit')
      const kept = readdirSync(under.directory)
        .filter((name) => name.startsWith('stack.db'))
        .map((name) => readFileSync(join(under.directory, name), 'latin1'))
      expect(kept.some((text) => text.includes('grapefruit'))).toBe(false)
    })
  })

  test('[B099] an answer that may pass is the one without guardrails', async () => {
    await withResponses(scene(door), async (under) => {
      const pieces = ['Grape', 's and ', 'fruit, ', '🍇 of all kinds.']
      under.model.answers('Hungry', streams(pieces.map((content) => ({ delta: { content } }))))
      const { response } = await under.stream({ input: 'Hungry', guardrails, store: false })
      expect(response.output).toMatchObject([{ content: [{ type: 'output_text', text: pieces.join('') }] }])
      under.model.answers(
        'Call',
        streams(
          [
            { delta: { content: 'Let me see.' } },
            ...[0].map(() => ({
              delta: { tool_calls: [{ index: 0, id: 'c1', function: { name: 'lookup', arguments: '{}' } }] },
            })),
          ],
          { finish: 'tool_calls' },
        ),
      )
      const called = await under.ask({ input: 'Call', guardrails, tools: [lookup] })
      expect(called.output.map(({ type }) => type).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
        'function_call',
        'message',
      ])
    })
  })

  test('[B099] calls beside an answer that was stopped are not made', async () => {
    await withResponses(scene(door), async (under) => {
      const both = [
        { delta: { content: 'Take the grapefruit and run, as far as you can.' } },
        { delta: { tool_calls: [{ index: 0, id: 'c1', function: { name: 'lookup', arguments: '{}' } }] } },
      ]
      under.model.answers('Hungry', streams(both, { finish: 'tool_calls' }))
      const { response } = await under.stream({ input: 'Hungry', guardrails, tools: [lookup] })
      expect(response.status).toBe('completed')
      expect(response.output.filter((item) => item.type === 'function_call' && item.status === 'completed')).toEqual([])
      under.model.answers('And now?', says('Fine.'))
      await under.ask({ input: 'And now?', previous_response_id: response.id })
      expect(JSON.stringify(under.model.asked.at(-1)?.messages)).not.toContain('tool_calls')
    })
  })

  test('[B099] an answer by a schema is judged too, and not asked for again', async () => {
    await withResponses(scene(door), async (under) => {
      const schema = { type: 'object', properties: { fruit: { type: 'string' } }, required: ['fruit'] }
      const text = { format: { type: 'json_schema', name: 'basket', schema } } as never
      under.model.answers('Hungry', says('{"fruit": "grapefruit"}'))
      for (const stream of [true, false]) {
        const { length } = under.model.asked
        const request = { input: 'Hungry', guardrails, text }
        const response = stream ? (await under.stream(request)).response : await under.ask(request)
        expect(response.status).toBe('completed')
        expect(JSON.stringify(response.output)).toContain('"refusal"')
        expect(JSON.stringify(response.output)).not.toContain('grapefruit')
        expect(under.model.asked).toHaveLength(length + 1)
      }
      under.model.answers('Thirsty', says('{"fruit": "apple"}'))
      const passed = await under.ask({ input: 'Thirsty', guardrails, text })
      expect(passed.output).toMatchObject([{ content: [{ type: 'output_text', text: '{"fruit": "apple"}' }] }])
    })
  })

  test('[B099] a shield that is not there is refused by its name', async () => {
    await withResponses(scene(door), async (under) => {
      under.model.answers('Hi', calls({ name: 'lookup' }))
      for (const stream of [true, false]) {
        const refused = await under.refusal({ input: 'Hi', guardrails: ['none'], stream })
        expect(refused).toMatchObject({ status: 404, message: expect.stringContaining('none') })
      }
      expect(under.model.asked).toEqual([])
    })
  })
})

test('[B099] a word that may not come out is never sent, wherever the answer is cut', async () => {
  await withResponses(scene('fetch'), async (under) => {
    const words = fc.string({ unit: 'grapheme', maxLength: 60 })
    const cuts = fc.array(fc.nat({ max: 200 }), { maxLength: 12 })
    let serial = 0
    await fc.assert(
      fc.asyncProperty(words, words, cuts, async (before, after, places) => {
        const text = `${before} grapefruit ${after}`
        const inner = [...new Set(places.map((place) => place % text.length))].toSorted((a, b) => a - b)
        const pieces = [0, ...inner].map((from, index) => text.slice(from, inner[index] ?? text.length))
        const input = `Question ${(serial += 1)}`
        under.model.answers(input, streams(pieces.map((content) => ({ delta: { content } }))))
        const { response, texts } = await under.stream({ input, guardrails })
        expect(texts.join('')).not.toContain('grapefruit')
        const parts = (response.output.at(-1) as unknown as { content: { type: string; text?: string }[] }).content
        expect(parts.at(-1)?.type).toBe('refusal')
        expect(text.startsWith(parts.map((part) => part.text ?? '').join(''))).toBe(true)
        expect(await under.fetchResponse(response.id)).toEqual(response)
      }),
      { numRuns: 40 },
    )
  })
}, 60_000)
