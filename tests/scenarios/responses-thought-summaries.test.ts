/** What a model thought, in fewer words; and requests that only warm up. */
import { describe, expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import type { ResponseQuestion, ResponsesScene } from './responses-scene.ts'
import { says, streams, wholly } from './scripted-model.ts'
import type { ScriptedTurn } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const question: ResponseQuestion = { input: 'Why?', reasoning: { effort: 'low', summary: 'concise' } }

/** The model thinks, then answers. What it thought is summed up as the turn says. */
function think({ model }: ResponsesScene, summary: ScriptedTurn): void {
  const thoughts = ['Hm, ', 'because of ', 'the sun.'].map((piece) => ({ delta: { reasoning_content: piece } }))
  model.answers('Why?', streams([...thoughts, { delta: { content: 'The sun.' } }]))
  model.answers(
    'Summarise the following thoughts in one or two sentences. Write in their language, as the one who thought them, and nothing but the summary.\n\nHm, because of the sun.',
    summary,
  )
}

describe.each(doors)('through the %s', (door) => {
  test('[B124] a summary of what was thought is written by a further call, whose tokens are counted', async () => {
    await withResponses({ door }, async (scene) => {
      think(scene, wholly('It weighed the sun.'))
      const { response, events, texts, headers } = await scene.stream(question)
      expect(response).toMatchObject({
        status: 'completed',
        output: [
          {
            type: 'reasoning',
            summary: [{ type: 'summary_text', text: 'It weighed the sun.' }],
            content: [{ text: 'Hm, because of the sun.' }],
          },
          { type: 'message', content: [{ text: 'The sun.' }] },
        ],
        usage: { input_tokens: 20, output_tokens: 10, total_tokens: 30 },
      })
      expect(headers.get('x-llama-stack-adjusted')).toBe('emulated:reasoning.summary')
      expect(events.map(({ type }) => type)).toContain('response.reasoning_summary_text.done')
      expect(await scene.fetchResponse(response.id)).toEqual(response)
      expect(await scene.replay(response.id)).toEqual(texts)
      const body = scene.model.asked.at(-1)
      expect(body).toMatchObject({ stream: false, messages: [{ role: 'system' }, { role: 'user' }] })
      expect(body).not.toHaveProperty('tools')
    })
  })

  test('[B124] no text waits for the summary of what was thought before it', async () => {
    await withResponses({ door }, async (scene) => {
      const written = Promise.withResolvers<void>()
      think(scene, async () => {
        await written.promise
        return wholly('Late.')
      })
      const reply = await scene.call('POST /v1/responses', { model: 'vendor/m1', ...question, stream: true })
      let told = ''
      for await (const chunk of reply.body ?? []) {
        told += Buffer.from(chunk).toString()
        if (told.includes('"delta":"The sun."')) written.resolve()
      }
      expect(told).toContain('"text":"Late."')
    })
  })

  test('[B124] a summary that fails is done without', async () => {
    await withResponses({ door, config: { reliability: { retries: 0 } } }, async (scene) => {
      think(scene, { status: 500, json: { error: { message: 'Out.' } } })
      expect(await scene.ask(question)).toMatchObject({
        status: 'completed',
        output: [{ type: 'reasoning', status: 'completed', summary: [] }, { type: 'message' }],
      })
    })
  })

  test('[B124] a summary that a shield objects to is not shown', async () => {
    const guarded = {
      door,
      configOf: ({ url }: { readonly url: string }) => ({
        providers: [
          { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk' } },
          { api: 'safety', id: 'rules', type: 'inline::rules', config: { words: ['grapefruit'] } },
        ],
        resources: { shields: [{ shield_id: 'house', provider_id: 'rules' }] },
      }),
    }
    await withResponses(guarded, async (scene) => {
      think(scene, wholly('It weighed a grapefruit.'))
      const { response, texts } = await scene.stream({ ...question, guardrails: ['house'] })
      expect(response).toMatchObject({ status: 'completed', output: [{ type: 'reasoning', summary: [] }, {}] })
      expect(texts.join()).not.toContain('grapefruit')
      think(scene, wholly('It weighed the sun.'))
      const { output } = await scene.ask({ ...question, guardrails: ['house'] })
      expect(output[0]).toMatchObject({ summary: [{ text: 'It weighed the sun.' }] })
    })
  })

  test('[B124] who asks for no summary pays for none', async () => {
    await withResponses({ door }, async (scene) => {
      think(scene, wholly('Never.'))
      await scene.ask({ input: 'Why?', reasoning: { effort: 'low' } })
      expect(scene.model.asked).toHaveLength(1)
    })
  })

  test('[B125] a request that only warms up asks nobody, and is continued like any other', async () => {
    await withResponses({ door }, async (scene) => {
      const { response, events } = await scene.stream({ input: 'Be ready.', generate: false })
      expect(response).toMatchObject({ status: 'completed', output: [], usage: null })
      expect(events.map(({ type }) => type)).toEqual(['response.created', 'response.in_progress', 'response.completed'])
      expect(scene.model.asked).toEqual([])
      expect(await scene.fetchResponse(response.id)).toEqual(response)
      scene.model.answers('Go', says('Gone.'))
      await scene.ask({ input: 'Go', previous_response_id: response.id })
      expect(scene.model.asked.at(-1)?.messages.map(({ content }) => content)).toEqual(['Be ready.', 'Go'])
    })
  })
})
