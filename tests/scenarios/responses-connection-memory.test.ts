/** What a WebSocket remembers: responses that are not stored are continued on it, and nowhere else. */
import { describe, expect, test } from 'vitest'
import { getResponse, idOf, readAll, readAlong, withDurableServer } from './durable-scene.ts'
import { checkStream, withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { openWebSocket } from './responses-web-socket.ts'
import { calls, says } from './scripted-model.ts'

type Client = Awaited<ReturnType<typeof openWebSocket>>

const lookup = { type: 'function', name: 'lookup', parameters: {} }
const unstored = { store: false }

async function respond(client: Client, fields: object) {
  const events = await client.ask(fields)
  return checkStream(events.map((event) => JSON.stringify(event))).response
}

const refusal = async (client: Client, fields: object): Promise<unknown> => (await client.ask(fields)).at(-1)
const notFound = { type: 'error', status: 404, error: { code: 'previous_response_not_found' } }

/** What the model was told last. */
const told = ({ model }: ResponsesScene): readonly unknown[] =>
  (model.asked.at(-1)?.messages ?? []).map(({ content }) => content)

describe('a response that is not stored', () => {
  test('[B101, B125] a warm-up is continued, and what continues it, as Codex does', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      using client = await openWebSocket(scene)
      const all = { ...unstored, instructions: 'Be brief.', tools: [lookup] }
      const warm = await respond(client, { ...all, input: [{ role: 'user', content: 'Ready?' }], generate: false })
      expect(warm).toMatchObject({ status: 'completed', store: false, output: [], usage: null })
      scene.model.answers('Go', calls({ id: 'c1', name: 'lookup' }), says('Done.'))
      const first = await respond(client, { ...all, input: 'Go', previous_response_id: warm.id })
      expect(first).toMatchObject({ previous_response_id: warm.id, output: [{ type: 'function_call', call_id: 'c1' }] })
      const input = [{ type: 'function_call_output', call_id: 'c1', output: 'found' }]
      const second = await respond(client, { ...all, input, previous_response_id: first.id })
      expect(second.output).toMatchObject([{ content: [{ text: 'Done.' }] }])
      expect(told(scene)).toEqual(['Be brief.', 'Ready?', 'Go', expect.anything(), 'found'])
      for (const { id } of [warm, first, second]) {
        expect((await scene.call(`GET /v1/responses/${id}`)).status).toBe(404)
      }
    })
  })

  test('[B101] is continued on its own connection only', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      scene.model.answers('Hi', says('Hello!'))
      using client = await openWebSocket(scene)
      const { id } = await respond(client, { ...unstored, input: 'Hi' })
      using other = await openWebSocket(scene)
      const next = { input: 'Hi', previous_response_id: id }
      expect(await refusal(other, next)).toMatchObject(notFound)
      expect(await scene.refusal(next)).toMatchObject({ status: 404, code: 'previous_response_not_found' })
      expect(await respond(client, { ...unstored, ...next })).toMatchObject({ status: 'completed' })
      expect(await refusal(client, { ...next, previous_response_id: 'resp_none' })).toMatchObject(notFound)
    })
  })

  test('[B101] continues one that is stored, in a lane as well', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      for (const word of ['One', 'Two', 'Three']) scene.model.answers(word, says(`${word}!`))
      using client = await openWebSocket(scene)
      const first = await respond(client, { input: 'One' })
      const second = await respond(client, { ...unstored, input: 'Two', previous_response_id: first.id })
      const third = { ...unstored, input: 'Three', previous_response_id: second.id, stream_id: 'side' }
      expect((await client.ask(third)).at(-1)).toMatchObject({ type: 'response.completed', stream_id: 'side' })
      expect(told(scene)).toEqual(['One', 'One!', 'Two', 'Two!', 'Three'])
      expect((await scene.call(`DELETE /v1/responses/${first.id}`)).status).toBe(200)
      expect(await refusal(client, third)).toMatchObject(notFound)
    })
  })

  test('[B101] what continues it and is stored has all that came before', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      for (const word of ['One', 'Two', 'Three']) scene.model.answers(word, says(`${word}!`))
      let id: string
      {
        using client = await openWebSocket(scene)
        const first = await respond(client, { ...unstored, input: 'One' })
        const second = await respond(client, { input: 'Two', previous_response_id: first.id })
        expect(second).toMatchObject({ previous_response_id: first.id, store: true })
        expect(await scene.fetchResponse(second.id)).toEqual(second)
        id = second.id
      }
      await scene.ask({ input: 'Three', previous_response_id: id })
      expect(told(scene)).toEqual(['One', 'One!', 'Two', 'Two!', 'Three'])
    })
  })

  test('[B101] what continues it and is stored outlives the process, with all that came before', async () => {
    await withDurableServer(async (scene) => {
      const first = await scene.start()
      using client = await openWebSocket(first)
      scene.model.answers('One', says('One!'))
      const { id: previous_response_id } = await respond(client, { ...unstored, input: 'One' })
      scene.model.answers('Two', calls({ name: 'write', arguments: { text: 'two' } }), says('Two!'))
      const start = client.heard.length
      const request = { input: 'Two', previous_response_id, tools: [scene.tool], background: true }
      void client.ask(request).catch(() => undefined)
      await expect.poll(() => scene.effects).toEqual(['two'])
      await first.kill()
      const second = await scene.start()
      const id = idOf(JSON.stringify(client.heard[start]))
      await readAll(await readAlong(second, id))
      expect(await getResponse(second, id)).toMatchObject({ status: 'completed', previous_response_id })
      expect((scene.model.asked.at(-1)?.messages ?? []).map(({ content }) => content)).toEqual([
        'One',
        'One!',
        'Two',
        expect.anything(),
        expect.stringContaining('may have'),
      ])
    })
  }, 60_000)
})
