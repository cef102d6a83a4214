import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatChunks, chatReply, withStack } from './stack-under-test.ts'
import { storedIds } from './stored-ids.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const main = join(root, 'packages/server/src/cli/main.ts')
const chat = 'POST /v1/chat/completions'
const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }

/** A server in a process of its own, from its sources. */
async function startServer(directory: string, upstreamUrl: string) {
  const config = join(directory, 'config.yaml')
  writeFileSync(
    config,
    `version: 2
distro_name: durable
apis: [inference]
providers:
  inference:
  - provider_id: vendor
    provider_type: remote::openai
    config: { base_url: '${upstreamUrl}/v1', api_key: sk-test }
storage:
  backends:
    kv_default: { type: kv_sqlite, db_path: '${directory}/kv.db' }
    sql_default: { type: sql_sqlite, db_path: '${directory}/sql.db' }
  stores:
    metadata: { namespace: registry, backend: kv_default }
    inference: { table_name: inference_store, backend: sql_default }
`,
  )
  const child = spawn(
    process.execPath,
    ['--conditions=llama-stack-source', main, 'run', config, '--port', '0', '--json'],
    {
      env: { PATH: process.env['PATH'], HOME: directory, CI: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const exited = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)))
  let printed = ''
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
      const found = /"url":\s*"([^"]+)"/.exec(printed)?.[1]
      if (found !== undefined) resolve(found)
    })
    void exited.then((code) => reject(new Error(`the server ended with ${code}: ${said}`)))
  })
  return { child, url, exited, said: () => said }
}

const post = (url: string, body: object): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

describe('a server process', () => {
  test('[B019] that is killed has kept everything it acknowledged, and starts again without repair', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'durable-'))
    let count = 0
    await using upstream = await createScriptedUpstream({
      routes: {
        'GET /v1/models': { json: { object: 'list', data: [{ id: 'm1', object: 'model' }] } },
        [chat]: ({ body }) => {
          count += 1
          const id = `chatcmpl-${count}`
          return body.includes('"stream":true')
            ? { events: chatChunks(['a', 'b']).map((chunk) => ({ ...chunk, id })) }
            : { json: { ...chatReply, id } }
        },
      },
    })
    try {
      const first = await startServer(directory, upstream.url)
      const acknowledged: string[] = []
      const worker = async (stream: boolean): Promise<void> => {
        for (;;) {
          const text = await post(first.url, { ...ask, stream })
            .then((response) => response.text())
            .catch(() => undefined)
          if (text === undefined) return
          const id = /"id":"([^"]+)"/.exec(text)?.[1]
          if (id !== undefined && (!stream || text.endsWith('data: [DONE]\n\n'))) acknowledged.push(id)
        }
      }
      const workers = [worker(false), worker(true), worker(false), worker(true)]
      await new Promise((resolve) => setTimeout(resolve, 1500))
      first.child.kill('SIGKILL')
      await Promise.all(workers)
      expect(acknowledged.length).toBeGreaterThan(20)
      const second = await startServer(directory, upstream.url)
      const kept = await storedIds(second.url)
      expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
      second.child.kill('SIGTERM')
      expect(await second.exited).toBe(0)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('[B024] drains open streams on the first signal and ends at once on the second', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'drain-'))
    await using upstream = await createScriptedUpstream({
      routes: {
        'GET /v1/models': { json: { object: 'list', data: [] } },
        [chat]: ({ body }) => ({
          events: chatChunks(Array.from({ length: body.includes('long') ? 500 : 12 }, () => 'x')),
          gapMs: 50,
        }),
      },
    })
    try {
      const first = await startServer(directory, upstream.url)
      const response = await post(first.url, { ...ask, stream: true })
      first.child.kill('SIGTERM')
      await new Promise((resolve) => setTimeout(resolve, 100))
      const refused = await fetch(`${first.url}/v1/models`)
        .then((reply) => reply.status)
        .catch(() => 'refused')
      expect([503, 'refused']).toContain(refused)
      expect(await response.text()).toMatch(/data: \[DONE\]\n\n$/)
      expect(await first.exited).toBe(0)

      const second = await startServer(directory, upstream.url)
      const long = await post(second.url, { ...ask, messages: [{ role: 'user', content: 'long' }], stream: true })
      second.child.kill('SIGTERM')
      await new Promise((resolve) => setTimeout(resolve, 400))
      const signalledAt = Date.now()
      second.child.kill('SIGTERM')
      expect(await second.exited).toBe(130)
      expect(Date.now() - signalledAt).toBeLessThan(1000)
      await long.text().catch(() => undefined)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  test('[B021] listens on loopback only, unless a key is required', async () => {
    await withStack({}, async ({ stack }) => {
      await expect(stack.listen({ host: '0.0.0.0', port: 0 })).rejects.toMatchObject({ code: 'unsafe_bind' })
    })
    const config = { server: { apiKeys: ['sk-server-key'] } }
    await withStack({ config, routes: { [chat]: { json: chatReply } } }, async ({ stack, call }) => {
      const { port } = await stack.listen({ host: '0.0.0.0', port: 0 })
      expect((await fetch(`http://127.0.0.1:${port}/v1/health`)).status).toBe(200)
      const refused = await call(chat, ask)
      expect([refused.status, await refused.json()]).toMatchObject([
        401,
        { error: { code: 'api_key_required', type: 'authentication_error' } },
      ])
      const wrong = await call(chat, ask, { authorization: 'Bearer sk-other-key-1234' })
      expect([wrong.status, await wrong.json()]).toMatchObject([401, { error: { code: 'invalid_api_key' } }])
      for (const headers of [{ authorization: 'Bearer sk-server-key' }, { 'x-api-key': 'sk-server-key' }]) {
        expect((await call(chat, ask, headers)).status).toBe(200)
      }
    })
  })

  test('[B020] shows nobody the rows of another', async () => {
    const config = { server: { apiKeys: ['sk-first-key', 'sk-second-key'] } }
    await withStack({ config, routes: { [chat]: { json: chatReply } } }, async ({ call }) => {
      const first = { authorization: 'Bearer sk-first-key' }
      const second = { authorization: 'Bearer sk-second-key' }
      await (await call(chat, ask, first)).json()
      await (
        await call('POST /v1/models', { model_id: 'mine', provider_id: 'vendor', provider_model_id: 'm1' }, first)
      ).json()
      expect(await (await call('GET /v1/chat/completions', undefined, first)).json()).toMatchObject({
        data: [{ id: 'chatcmpl-1' }],
      })
      expect(await (await call('GET /v1/chat/completions', undefined, second)).json()).toMatchObject({ data: [] })
      for (const route of [
        'GET /v1/chat/completions/chatcmpl-1',
        'DELETE /v1/chat/completions/chatcmpl-1',
        'GET /v1/models/mine',
        'DELETE /v1/models/mine',
      ]) {
        expect((await call(route, undefined, second)).status, route).toBe(404)
      }
      expect((await call('GET /v1/chat/completions/chatcmpl-1', undefined, first)).status).toBe(200)
    })
  })
})

describe('URLs that callers choose [B022]', () => {
  const image = (url: string) => ({
    model: 'sn/m1',
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
  })
  const inlining = (base: string) => ({
    providers: [
      { api: 'inference', id: 'sn', type: 'remote::sambanova', config: { base_url: `${base}/v1`, api_key: 'x' } },
    ],
  })
  const png = { bytes: Buffer.from('iVBORw0KGgo=', 'base64'), headers: { 'content-type': 'image/png' } }

  test('cannot reach private addresses, and can where the operator allows it', async () => {
    const routes = { 'GET /a.png': png, [chat]: { json: chatReply } }
    await withStack({ routes }, async ({ upstream }) => {
      await withStack({ config: inlining(upstream.url) }, async ({ call }) => {
        for (const url of [
          `${upstream.url}/a.png`,
          'http://169.254.169.254/latest/meta-data',
          'http://localhost:1/x',
        ]) {
          const response = await call(chat, image(url))
          expect([response.status, await response.json()], url).toMatchObject([400, { error: { code: 'url_blocked' } }])
        }
      })
      const open = { ...inlining(upstream.url), server: { allowPrivateUrls: true } }
      await withStack({ config: open }, async ({ call }) => {
        expect((await call(chat, image(`${upstream.url}/a.png`))).status).toBe(200)
        expect(upstream.requests.at(-1)?.body).toContain('data:image/png;base64,')
        const page = await call(chat, image(`${upstream.url}/v1/models`))
        expect([page.status, await page.json()]).toMatchObject([400, { error: { code: 'fetched_content_rejected' } }])
      })
    })
  })

  test('never get the operator’s key: a caller’s own upstream needs the caller’s own key', async () => {
    const config = {
      providers: [
        { api: 'inference', id: 'pass', type: 'remote::passthrough', config: { api_key: 'operator-secret' } },
      ],
      server: { allowPrivateUrls: true },
    }
    await withStack({ routes: { [chat]: { json: chatReply } } }, async ({ upstream }) => {
      await withStack({ config }, async ({ call }) => {
        const data = { passthrough_url: upstream.url, passthrough_api_key: 'callers-own' }
        const response = await call(chat, { ...ask, model: 'pass/m1' }, { 'x-ogx-provider-data': JSON.stringify(data) })
        expect(response.status).toBe(200)
        await call(
          chat,
          { ...ask, model: 'pass/m1' },
          { 'x-ogx-provider-data': JSON.stringify({ passthrough_url: upstream.url }) },
        )
        for (const request of upstream.requests)
          expect(JSON.stringify(request.headers)).not.toContain('operator-secret')
      })
    })
  })
})
