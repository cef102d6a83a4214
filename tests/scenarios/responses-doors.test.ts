/** The ways to the Responses API: both base paths, forms, compressed bodies, WebSockets; and what is said of adjustments. */
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { checkStream, readEvents, withResponses } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { openWebSocket } from './responses-web-socket.ts'
import { doors } from './stack-under-test.ts'

const lookup = { type: 'function', name: 'lookup', parameters: {} } as never

describe.each(doors)('through the %s', (door) => {
  test('[B012, R013] both path families answer alike', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', says('Hello!'))
      const base = '/v1/openai/v1/responses'
      const reply = await scene.call(`POST ${base}`, { model: 'vendor/m1', input: 'Hi', stream: true })
      const { response } = checkStream(await readEvents(reply))
      for (const path of ['/v1/responses', base]) {
        expect(await (await scene.call(`GET ${path}/${response.id}`)).json()).toEqual(response)
        expect((await scene.call(`GET ${path}/${response.id}?stream=true&starting_after=2`)).status).toBe(200)
        expect(await (await scene.call(`GET ${path}/${response.id}/input_items`)).json()).toMatchObject({ data: [{}] })
      }
      expect((await scene.call(`DELETE ${base}/${response.id}`)).status).toBe(200)
      expect((await scene.call(`GET /v1/responses/${response.id}`)).status).toBe(404)
    })
  })

  test('[R013] forms and compressed bodies are read as JSON is', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', says('Hello!'))
      const url = `${scene.url}/v1/responses`
      const form = new URLSearchParams({ model: 'vendor/m1', input: 'Hi', temperature: '0.5' })
      const formed = await scene.fetch(url, { method: 'POST', body: form })
      expect([formed.status, await formed.json()]).toMatchObject([200, { status: 'completed', temperature: 0.5 }])
      const json = JSON.stringify({ model: 'vendor/m1', input: 'Hi', metadata: { a: 'ä' } })
      const compressed = await scene.fetch(url, {
        method: 'POST',
        body: zstdCompressSync(json),
        headers: { 'content-type': 'application/json', 'content-encoding': 'zstd' },
      })
      expect([compressed.status, await compressed.json()]).toMatchObject([200, { metadata: { a: 'ä' } }])
    })
  })

  test('[B100] what is dropped is told in a header and in the request log, and refused where nothing may be', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', says('Hello!'))
      const include = ['code_interpreter_call.outputs'] as never
      const { headers } = await scene.stream({ input: 'Hi', include })
      expect(headers.get('x-llama-stack-adjusted')).toBe('dropped:include.code_interpreter_call.outputs')
      const whole = await scene.call('POST /v1/responses', { model: 'vendor/m1', input: 'Hi', include })
      expect(whole.headers.get('x-llama-stack-adjusted')).toBe('dropped:include.code_interpreter_call.outputs')
      const strict = { 'x-llama-stack-strict': 'true' }
      const refused = await scene.refusal({ input: 'Hi', include }, strict)
      expect(refused).toMatchObject({ status: 400, code: 'parameter_dropped' })
      expect((await scene.stream({ input: 'Hi' }, strict)).headers.get('x-llama-stack-adjusted')).toBeNull()
      const shell = { type: 'shell_call', call_id: 'c1', action: { commands: ['ls'] } }
      const items = [shell, { role: 'user', content: 'Hi' }] as never
      const sent = await scene.call('POST /v1/responses', { model: 'vendor/m1', input: items })
      expect([sent.status, sent.headers.get('x-llama-stack-adjusted')]).toEqual([
        200,
        expect.stringContaining('dropped:input[0]'),
      ])
      expect(await scene.refusal({ input: items }, strict)).toMatchObject({ status: 400, code: 'parameter_dropped' })
      const log = async () => (await scene.stack.requestLog({ id: 'local' }).list({ limit: 20, order: 'asc' })).rows
      await expect.poll(async () => (await log()).length).toBe(6)
      const rows = await log()
      const dropped = ['dropped:include.code_interpreter_call.outputs']
      expect(rows.map(({ adjustments }) => adjustments).slice(0, 2)).toEqual([dropped, dropped])
      expect(rows[3]).toMatchObject({ adjustments: [] })
    })
  })

  test('[B027] the request log has the tokens of all turns, and who was asked', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', calls({ name: 'nobody' }), says('Hello!'))
      await scene.stream({ input: 'Hi', tools: [lookup] })
      await scene.ask({ input: 'Hi', tools: [lookup] })
      const log = async () => (await scene.stack.requestLog({ id: 'local' }).list({ limit: 20, order: 'asc' })).rows
      await expect.poll(async () => (await log()).length).toBe(2)
      for (const row of await log()) {
        expect(row).toMatchObject({
          model: 'vendor/m1',
          status: 200,
          inputTokens: 20,
          outputTokens: 10,
          totalTokens: 30,
        })
      }
    })
  })

  test('unknown members of a request travel to the provider', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', says('Hello!'))
      await scene.ask({ input: 'Hi', top_k: 7 })
      expect(scene.model.asked.at(-1)).toMatchObject({ top_k: 7 })
      expect(scene.model.asked.at(-1)).not.toHaveProperty('input')
    })
  })
})

describe('over a WebSocket', () => {
  test.each(['/v1/responses', '/v1/openai/v1/responses'])('[B101] of %s each message is a response', async (path) => {
    await withResponses({ door: 'socket' }, async (scene) => {
      using client = await openWebSocket(scene, path)
      scene.model.answers('Hi', calls({ id: 'c1', name: 'lookup' }), says('Done.'))
      const first = await client.ask({ input: 'Hi', tools: [lookup] })
      const { response } = checkStream(first.map((event) => JSON.stringify(event)))
      expect(response.output).toMatchObject([{ type: 'function_call', call_id: 'c1' }])
      const output = { type: 'function_call_output', call_id: 'c1', output: 'x' }
      const next = await client.ask({ input: [output], tools: [lookup], previous_response_id: response.id })
      expect(checkStream(next.map((event) => JSON.stringify(event))).response.output).toMatchObject([
        { content: [{ text: 'Done.' }] },
      ])
      expect(await scene.fetchResponse(response.id)).toEqual(response)
    })
  })

  test('[B101, B125] the first message may only warm up, with or without an input', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      using client = await openWebSocket(scene)
      for (const input of [[], [{ role: 'user', content: 'Be ready.' }]]) {
        const warm = await client.ask({ input, instructions: 'Be brief.', tools: [lookup], generate: false })
        const { response } = checkStream(warm.map((event) => JSON.stringify(event)))
        expect(response).toMatchObject({ status: 'completed', output: [], usage: null })
        scene.model.answers('Go', says('Gone.'))
        const asked = scene.model.asked.length
        await client.ask({ input: 'Go', previous_response_id: response.id })
        expect(scene.model.asked).toHaveLength(asked + 1)
        expect(scene.model.asked.at(-1)?.messages).toHaveLength(input.length + 1)
      }
    })
  })

  test('[B101] an error is a message, and the next request is answered', async () => {
    await withResponses({ door: 'socket', config: { reliability: { retries: 0 } } }, async (scene) => {
      using client = await openWebSocket(scene)
      const [missing] = await client.ask({ input: 'x', previous_response_id: 'resp_none' })
      expect(missing).toMatchObject({
        type: 'error',
        status: 404,
        error: { code: 'previous_response_not_found', param: 'previous_response_id' },
      })
      scene.model.answers('Bad', { status: 429, json: { error: { message: 'Slow down.' } } })
      expect((await client.ask({ input: 'Bad' })).at(-1)).toMatchObject({ type: 'error', status: 429 })
      scene.model.answers('Cut', streams([{ delta: { content: 'Once' } }], { isCut: true }))
      const failed = await client.ask({ input: 'Cut' })
      expect(failed.at(-1)).toMatchObject({ type: 'response.failed', response: { status: 'failed' } })
      scene.model.answers('Hi', says('Hello!'))
      expect((await client.ask({ input: 'Hi' })).at(-1)).toMatchObject({ type: 'response.completed' })
      const unstored = (await client.ask({ input: 'Hi', store: false })).at(-1)
      expect(unstored).toMatchObject({ response: { store: false, status: 'completed' } })
    })
  })

  test('[B101] a client that leaves is not waited for, and what is stored goes on', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      using client = await openWebSocket(scene)
      const words = Array.from({ length: 20 }, (_, index) => ({ delta: { content: `word ${index} ` } }))
      scene.model.answers('Long', streams(words, { gapMs: 15 }))
      void client.ask({ input: 'Long' }).catch(() => undefined)
      await expect.poll(() => client.heard.length).toBeGreaterThan(4)
      const id = (client.heard[0]?.['response'] as { id: string } | undefined)?.id ?? ''
      client.close()
      await expect.poll(async () => (await scene.fetchResponse(id)).status, { timeout: 5000 }).toBe('completed')
      const texts = await scene.replay(id)
      expect(checkStream(texts).response).toEqual(await scene.fetchResponse(id))
      expect(JSON.stringify(texts)).toContain('word 19')
    })
  })
})

test('[B093] a client that leaves a stream: what is stored goes on, what is not is called off', async () => {
  await withResponses({ door: 'socket' }, async (scene) => {
    const words = Array.from({ length: 20 }, (_, index) => ({ delta: { content: `word ${index} ` } }))
    scene.model.answers('Long', streams(words, { gapMs: 15 }))
    const leave = async (store: boolean): Promise<string> => {
      const gone = new AbortController()
      const reply = await fetch(`${scene.url}/v1/responses`, {
        method: 'POST',
        signal: gone.signal,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'vendor/m1', input: 'Long', stream: true, store }),
      })
      let text = ''
      const decoder = new TextDecoder()
      for await (const chunk of reply.body ?? []) {
        text += decoder.decode(chunk)
        if (text.includes('word 2')) break
      }
      gone.abort()
      return /"id":"(resp_\w+)"/.exec(text)?.[1] ?? ''
    }
    const stored = await leave(true)
    await expect.poll(async () => (await scene.fetchResponse(stored)).status, { timeout: 5000 }).toBe('completed')
    expect(checkStream(await scene.replay(stored)).response).toEqual(await scene.fetchResponse(stored))
    const chats = () => scene.upstream.requests.filter(({ path }) => path.endsWith('/chat/completions'))
    expect(chats().at(-1)?.aborted).toBe(false)
    await leave(false)
    await expect.poll(() => chats().at(-1)?.aborted).toBe(true)
  })
})
