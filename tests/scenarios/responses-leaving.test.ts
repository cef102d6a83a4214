/** Clients that leave, cancel and delete while a response is made, and a stack that closes under it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ResponseObject } from '@llama-stack/api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import type { McpTestServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { idOf, readAll, readUntil } from './durable-scene.ts'
import { checkStream, withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const config = { server: { allowPrivateUrls: true } }
const words = (count: number) => Array.from({ length: count }, (_, index) => ({ delta: { content: `w${index} ` } }))
/** An answer that takes a second and a half. */
const slowly = streams(words(50), { gapMs: 30 })
const WHOLE = words(50)
  .map(({ delta }) => delta.content)
  .join('')

/** Asks, as a client that can leave. */
function begin(
  scene: ResponsesScene,
  request: object,
): { readonly reply: Promise<Response>; readonly leave: () => void } {
  const abort = new AbortController()
  const reply = scene.fetch(`${scene.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'vendor/m1', input: 'Go', ...request }),
    signal: abort.signal,
  })
  // A client that leaves hears of it.
  reply.catch(() => undefined)
  return { reply, leave: () => abort.abort() }
}

const modelCall = ({ upstream }: ResponsesScene) => upstream.requests.find(({ method }) => method === 'POST')

async function readAlong({ call }: ResponsesScene, id: string, after: number): Promise<string[]> {
  const from = after < 0 ? '' : `&starting_after=${after}`
  return readAll(await call(`GET /v1/responses/${id}?stream=true${from}`))
}

async function withSlowTool(scenario: (mcp: McpTestServer, tool: object) => Promise<void>): Promise<void> {
  await using mcp = await startMcpServer()
  await scenario(mcp, { type: 'mcp', server_label: 'test', server_url: mcp.url, require_approval: 'never' })
}

/** Rows of a table of the stack's file. */
function countRows(directory: string, table: string): number {
  const database = new DatabaseSync(join(directory, 'stack.db'), { readOnly: true })
  try {
    return Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.['count'])
  } finally {
    database.close()
  }
}

describe.each(doors)('[B133] a client that leaves, through the %s', (door) => {
  test('a stream that is stored: it goes on, and can be read from where the client left', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', slowly)
      const { reply, leave } = begin(scene, { stream: true })
      const seen = await readUntil(await reply, (text) => text.includes('w5 '))
      leave()
      const id = idOf(seen[0])
      await expect.poll(async () => (await scene.call(`GET /v1/responses/${id}`)).status).toBe(200)
      const rest = await readAlong(scene, id, seen.length - 1)
      const { response } = checkStream([...seen, ...rest])
      expect(response).toMatchObject({
        status: 'completed',
        background: false,
        output: [{ content: [{ text: WHOLE }] }],
      })
      expect(await scene.fetchResponse(id)).toEqual(response)
      expect(await scene.replay(id)).toEqual([...seen, ...rest])
      expect(modelCall(scene)?.aborted).toBe(false)
      expect(countRows(scene.directory, 'jobs')).toBe(0)
    })
  })

  test('a stream that is not stored: the model is told to stop at once', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', slowly)
      const { reply, leave } = begin(scene, { stream: true, store: false })
      await readUntil(await reply, (text) => text.includes('w5 '))
      leave()
      await expect.poll(() => modelCall(scene)?.aborted, { timeout: 500 }).toBe(true)
      expect(countRows(scene.directory, 'responses')).toBe(0)
    })
  })

  test('a reply that is stored: it goes on', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', slowly)
      const { leave } = begin(scene, {})
      await expect.poll(() => modelCall(scene)).toBeDefined()
      leave()
      await expect.poll(() => countRows(scene.directory, 'responses')).toBe(1)
      const { data } = (await (await scene.call('GET /v1/responses')).json()) as { data: readonly ResponseObject[] }
      expect(data).toMatchObject([{ status: 'in_progress', background: false }])
      const texts = await scene.replay(data[0]?.id ?? '')
      expect(checkStream(texts).response).toMatchObject({
        status: 'completed',
        output: [{ content: [{ text: WHOLE }] }],
      })
      expect(countRows(scene.directory, 'jobs')).toBe(0)
    })
  })

  test('a reply that is not stored: the model is told to stop at once', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', slowly)
      const { leave } = begin(scene, { store: false })
      await expect.poll(() => modelCall(scene)).toBeDefined()
      leave()
      await expect.poll(() => modelCall(scene)?.aborted, { timeout: 500 }).toBe(true)
    })
  })

  test('before the model has said a word', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', { ...says('Done.'), delayMs: 400 })
      for (const store of [false, true]) {
        const { leave } = begin(scene, { stream: true, store })
        await expect.poll(() => scene.model.asked.length).toBe(store ? 2 : 1)
        leave()
      }
      await expect.poll(() => countRows(scene.directory, 'responses')).toBe(1)
      const { data } = (await (await scene.call('GET /v1/responses')).json()) as { data: readonly ResponseObject[] }
      const texts = await scene.replay(data[0]?.id ?? '')
      expect(checkStream(texts).response).toMatchObject({ status: 'completed' })
    })
  })
})

describe.each(doors)('[B134] cancelling, through the %s', (door) => {
  const cancel = ({ call }: ResponsesScene, id: string) => call(`POST /v1/responses/${id}/cancel`)

  test('while the model speaks, and again', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', slowly)
      const reply = await begin(scene, { background: true, stream: true }).reply
      const seen = await readUntil(reply, (text) => text.includes('w5 '))
      const id = idOf(seen[0])
      const along = readAlong(scene, id, -1)
      const cancelled = await cancel(scene, id)
      expect(cancelled.status).toBe(200)
      const response = (await cancelled.json()) as ResponseObject
      expect(response).toMatchObject({
        status: 'cancelled',
        output: [{ type: 'message', status: 'incomplete', content: [{ text: expect.stringMatching(/^w0 .*w5 /) }] }],
      })
      await expect.poll(() => modelCall(scene)?.aborted, { timeout: 500 }).toBe(true)
      const texts = await along
      expect(checkStream(texts).response).toEqual(response)
      expect(await scene.fetchResponse(id)).toEqual(response)
      expect(await (await cancel(scene, id)).json()).toEqual(response)
      expect(countRows(scene.directory, 'jobs')).toBe(0)
    })
  })

  test('before the model has answered', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', { ...says('Done.'), delayMs: 2000 })
      const { id } = (await (await begin(scene, { background: true }).reply).json()) as ResponseObject
      const response = await (await cancel(scene, id)).json()
      expect(response).toMatchObject({ status: 'cancelled', output: [], error: null })
      expect(checkStream(await scene.replay(id)).response).toEqual(response)
    })
  })

  test('with a call in flight: its server is told, and a later response knows that it was broken off', async () => {
    await withSlowTool(async (mcp, tool) => {
      await withResponses({ door, config }, async (scene) => {
        scene.model.answers('Go', calls({ name: 'slow', arguments: { ms: 20_000 } }))
        scene.model.answers('And now?', says('Nothing.'))
        const reply = await begin(scene, { background: true, stream: true, tools: [tool] }).reply
        const seen = await readUntil(reply, (text) => text.includes('mcp_call.in_progress'))
        await expect.poll(() => mcp.calls.length).toBe(1)
        const id = idOf(seen[0])
        const response = (await (await cancel(scene, id)).json()) as ResponseObject
        expect(response).toMatchObject({
          status: 'cancelled',
          output: [{}, { type: 'mcp_call', status: 'incomplete' }],
        })
        await expect.poll(() => mcp.calls[0]?.cancelled).toBe(true)
        expect(checkStream(await scene.replay(id)).response).toEqual(response)
        await scene.ask({ input: 'And now?', previous_response_id: id })
        expect(scene.model.asked.at(-1)?.messages).toMatchObject([
          { role: 'user' },
          { role: 'assistant' },
          { role: 'tool', content: expect.stringContaining('while this call was under way') },
          { role: 'user' },
        ])
      })
    })
  })

  test('what has ended, what is not in the background, and what is not there', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Go', says('Done.'))
      const { id } = await scene.ask({ input: 'Go' })
      const background = (await (await begin(scene, { background: true }).reply).json()) as ResponseObject
      await scene.replay(background.id)
      for (const each of [id, background.id]) {
        const refused = await cancel(scene, each)
        expect([refused.status, await refused.json()]).toMatchObject([
          409,
          { error: { code: 'response_not_cancellable' } },
        ])
      }
      expect((await cancel(scene, 'resp_none')).status).toBe(404)
    })
  })
})

describe.each(doors)('[B134] deleting a response that is being made, through the %s', (door) => {
  test('stops the model and the tools, ends its readers, and leaves nothing behind', async () => {
    await withSlowTool(async (mcp, tool) => {
      await withResponses({ door, config }, async (scene) => {
        scene.model.answers('Go', calls({ name: 'slow', arguments: { ms: 20_000 } }))
        scene.model.answers('Speak', slowly)
        const ids: string[] = []
        const readers: Promise<string[]>[] = []
        for (const [input, sign] of [
          ['Go', 'mcp_call.in_progress'],
          ['Speak', 'w5 '],
        ] as const) {
          const reply = await begin(scene, { input, background: true, stream: true, tools: [tool] }).reply
          const seen = await readUntil(reply, (text) => text.includes(sign))
          ids.push(idOf(seen[0]))
          readers.push(readAlong(scene, idOf(seen[0]), -1))
        }
        await expect.poll(() => mcp.calls.length).toBe(1)
        for (const id of ids) {
          expect(await (await scene.call(`DELETE /v1/responses/${id}`)).json()).toMatchObject({ id, deleted: true })
          expect((await scene.call(`GET /v1/responses/${id}`)).status).toBe(404)
        }
        expect((await Promise.all(readers)).map((texts) => texts.at(-1))).toEqual(
          ids.map(() => expect.stringContaining('response_not_found')),
        )
        await expect.poll(() => mcp.calls[0]?.cancelled).toBe(true)
        await expect.poll(() => scene.upstream.requests.at(-1)?.aborted).toBe(true)
        for (const table of ['responses', 'response_events', 'tool_calls', 'jobs']) {
          expect([table, countRows(scene.directory, table)]).toEqual([table, 0])
        }
      })
    })
  })
})

describe('[B131] a stack that closes', () => {
  test('gives back what it makes, in the background and for a client, and the next one ends it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'closing-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    const ids: string[] = []
    const seen: string[][] = []
    await withResponses({ door: 'socket', directory }, async (scene) => {
      scene.model.answers('Go', slowly)
      for (const background of [true, false]) {
        const reply = await begin(scene, { background, stream: true }).reply
        const texts = await readUntil(reply, (text) => text.includes('w5 '))
        ids.push(idOf(texts[0]))
        seen.push(texts)
      }
      await scene.stack.close({ drainTimeoutMs: 0 })
      expect(scene.upstream.requests.filter(({ method }) => method === 'POST').map(({ aborted }) => aborted)).toEqual([
        true,
        true,
      ])
    })
    await withResponses({ door: 'socket', directory }, async (scene) => {
      scene.model.answers('Go', says('Done.'))
      for (const [index, id] of ids.entries()) {
        const texts = seen[index] ?? []
        const rest = await readAlong(scene, id, texts.length - 1)
        expect(checkStream([...texts, ...rest]).response).toMatchObject({
          status: 'completed',
          output: [{ status: 'incomplete' }, { status: 'completed', content: [{ text: 'Done.' }] }],
        })
      }
    })
  })
})

describe('[B132] a lease', () => {
  /** Changes the job of the only response. */
  function changeJob(directory: string, change: string): void {
    const database = new DatabaseSync(join(directory, 'stack.db'), { timeout: 2000 })
    try {
      database.exec(`UPDATE jobs SET ${change}`)
    } finally {
      database.close()
    }
  }

  test('that is lost stops who held it at once, and its readers go on with whoever has it', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      scene.model.answers('Go', slowly)
      const reply = await begin(scene, { background: true, stream: true }).reply
      const reading = readAll(reply)
      await expect.poll(() => modelCall(scene)).toBeDefined()
      changeJob(scene.directory, "worker = 'another process', lease_until_ms = 9e15")
      await expect.poll(() => modelCall(scene)?.aborted, { timeout: 1000 }).toBe(true)
      scene.model.answers('Go', says('Done.'))
      changeJob(scene.directory, 'worker = NULL, lease_until_ms = 0')
      const texts = await reading
      const { response } = checkStream(texts)
      expect(response).toMatchObject({ status: 'completed' })
      expect(response.output.at(-1)).toMatchObject({ status: 'completed', content: [{ text: 'Done.' }] })
      expect(scene.model.asked.length).toBe(2)
      expect(await scene.replay(response.id)).toEqual(texts)
    })
  })

  test('that ran out while nobody else was there is taken again, and the response goes on as it was', async () => {
    await withResponses({ door: 'socket' }, async (scene) => {
      scene.model.answers('Go', streams(words(100), { gapMs: 30 }))
      const reply = await begin(scene, { background: true, stream: true }).reply
      const reading = readAll(reply)
      await expect.poll(() => modelCall(scene)).toBeDefined()
      changeJob(scene.directory, 'lease_until_ms = 0')
      const { response } = checkStream(await reading)
      expect(response).toMatchObject({ status: 'completed', output: [{ status: 'completed' }] })
      expect(scene.model.asked.length).toBe(1)
    })
  })

  test('taken over: the credentials of the request go with it, and nobody can read them in the store', async () => {
    const secrets = { token: 'mcp-token-4711', key: 'sk-caller-0815' }
    await using mcp = await startMcpServer({ token: secrets.token })
    const tool = { type: 'mcp', server_label: 'test', server_url: mcp.url, require_approval: 'never' }
    await withResponses({ door: 'socket', config }, async (scene) => {
      scene.model.answers(
        'Go',
        calls({ name: 'slow', arguments: { ms: 20_000 } }),
        calls({ name: 'add', arguments: { a: 1, b: 2 } }),
        says('Done.'),
      )
      const asked = await scene.call(
        'POST /v1/responses',
        { model: 'vendor/m1', input: 'Go', background: true, tools: [{ ...tool, authorization: secrets.token }] },
        { 'x-ogx-provider-data': JSON.stringify({ openai_api_key: secrets.key }) },
      )
      const { id } = (await asked.json()) as ResponseObject
      await expect.poll(() => mcp.calls.length).toBe(1)
      changeJob(scene.directory, "worker = 'another process', lease_until_ms = 9e15")
      await expect.poll(() => mcp.calls[0]?.cancelled, { timeout: 5000 }).toBe(true)
      for (const file of readdirSync(scene.directory).filter((name) => name.startsWith('stack.db'))) {
        const bytes = readFileSync(join(scene.directory, file))
        for (const secret of Object.values(secrets)) expect([file, bytes.includes(secret)]).toEqual([file, false])
      }
      changeJob(scene.directory, 'worker = NULL, lease_until_ms = 0')
      const { response } = checkStream(await scene.replay(id))
      expect(response).toMatchObject({
        status: 'completed',
        output: [{}, {}, { status: 'completed', output: '3' }, {}],
      })
      const keys = scene.upstream.requests
        .filter(({ method }) => method === 'POST')
        .map(({ headers }) => headers['authorization'])
      expect(keys).toEqual([1, 2, 3].map(() => `Bearer ${secrets.key}`))
    })
  })

  test('taken over by who cannot go on: the response fails, and says why', async () => {
    await withResponses({ door: 'socket', expectsErrors: true }, async (scene) => {
      scene.model.answers('Before', says('First.'))
      scene.model.answers('Go', slowly)
      const before = await scene.ask({ input: 'Before' })
      const reply = await begin(scene, { background: true, stream: true, previous_response_id: before.id }).reply
      const seen = await readUntil(reply, (text) => text.includes('w5 '))
      changeJob(scene.directory, "worker = 'another process', lease_until_ms = 9e15")
      await expect.poll(() => scene.upstream.requests.at(-1)?.aborted).toBe(true)
      await scene.call(`DELETE /v1/responses/${before.id}`)
      changeJob(scene.directory, 'worker = NULL, lease_until_ms = 0')
      const id = idOf(seen[0])
      const rest = await readAlong(scene, id, seen.length - 1)
      const { response } = checkStream([...seen, ...rest])
      expect(response).toMatchObject({
        status: 'failed',
        error: { message: expect.stringContaining(before.id) },
        output: [{ type: 'message', status: 'incomplete' }],
      })
      expect(await scene.fetchResponse(id)).toEqual(response)
      expect(countRows(scene.directory, 'jobs')).toBe(0)
    })
  })
})
