import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatReply, doors, withStack } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'
const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }] }
const once = { reliability: { retries: 0, breaker: { failures: 2 } } } as const

interface Shown {
  readonly health: Readonly<Record<string, unknown>>
}

describe.each(doors)('the health of providers through the %s [B043]', (door) => {
  test('is what traffic told: the failure, since when, what to do; and that it is over', async () => {
    let isRefusing = true
    const routes = {
      [chat]: () => (isRefusing ? { status: 401, json: { error: { message: 'bad key' } } } : { json: chatReply }),
    }
    await withStack({ door, routes, config: once }, async ({ call }) => {
      const look = async (): Promise<Shown['health']> =>
        ((await (await call('GET /v1/providers/vendor')).json()) as Shown).health
      expect(await look()).toMatchObject({ status: 'OK', heard_by: 'listing', window: { calls: 1, failures: 0 } })
      expect((await call(chat, ask)).status).toBe(401)
      const failing = await look()
      expect(failing).toMatchObject({
        status: 'Error',
        message: "Provider 'vendor' refused the credentials: bad key",
        fix: expect.stringContaining('Check the key') as string,
        heard_by: 'traffic',
        window: { seconds: 300, calls: 2, failures: 1 },
        last_error: { code: 'provider_authentication' },
      })
      expect(Number(failing['since'])).toBeGreaterThan(1_700_000_000)
      isRefusing = false
      expect((await call(chat, ask)).status).toBe(200)
      const well = await look()
      expect(well).toMatchObject({
        status: 'OK',
        window: { calls: 3, failures: 1 },
        last_error: { code: 'provider_authentication' },
      })
      expect(well).not.toHaveProperty('fix')
    })
  })

  test('names the models that are left alone', async () => {
    const routes = { [chat]: { status: 500, json: { error: { message: 'boom' } } } }
    await withStack({ door, routes, config: once }, async ({ call }) => {
      for (let left = 2; left > 0; left -= 1) expect((await call(chat, ask)).status).toBe(500)
      const { data } = (await (await call('GET /v1alpha/admin/providers')).json()) as { data: readonly Shown[] }
      expect(data[0]?.health['unavailable']).toMatchObject([
        { model: 'm1', state: 'open', last_error: { code: 'provider_internal' } },
      ])
    })
  })

  test('says nothing bad of a provider whose client asked badly, left, or brought its own key', async () => {
    const routes = {
      [chat]: async ({ headers, body }: { headers: Readonly<Record<string, string>>; body: string }) => {
        if (headers['authorization'] !== 'Bearer sk-test') return { status: 401, json: { error: { message: 'yours' } } }
        if (body.includes('wait')) await sleep(500)
        return { status: 400, json: { error: { message: 'no such field' } } }
      },
    }
    await withStack({ door, routes, config: once }, async ({ call, fetch, url }) => {
      expect((await call(chat, ask)).status).toBe(400)
      const own = { 'x-llamastack-provider-data': JSON.stringify({ openai_api_key: 'sk-other' }) }
      expect((await call(chat, ask, own)).status).toBe(401)
      const leaving = AbortSignal.timeout(100)
      const body = JSON.stringify({ ...ask, messages: [{ role: 'user', content: 'wait' }] })
      const headers = { 'content-type': 'application/json' }
      const left = fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body, signal: leaving })
      await expect(left).rejects.toThrow(/abort|timeout/i)
      const { health } = (await (await call('GET /v1/providers/vendor')).json()) as Shown
      expect(health).toMatchObject({ status: 'OK', window: { failures: 0 } })
      expect(health).not.toHaveProperty('last_error')
    })
  })
})

describe('a provider that hangs', () => {
  test('[B044] keeps no listing of providers waiting', async () => {
    await using hanging = await createScriptedUpstream({ handler: () => ({ json: {}, delayMs: 3000 }) })
    const slow = {
      api: 'inference',
      id: 'slow',
      type: 'remote::openai',
      config: { base_url: `${hanging.url}/v1`, api_key: 'x' },
    }
    const { createStack } = await import('../../packages/server/src/stack.ts')
    await withStack({}, async ({ directory }) => {
      await using stack = await createStack({
        config: {
          name: 'slow',
          dataDir: directory,
          storage: { sql: { type: 'sqlite', path: `${directory}/slow.db` } },
          providers: [slow],
        },
      })
      const { url } = await stack.listen({ port: 0 })
      const startedMs = performance.now()
      const { data } = (await (await fetch(`${url}/v1/providers`)).json()) as { data: readonly Shown[] }
      expect(performance.now() - startedMs).toBeLessThan(1000)
      expect(data[0]?.health).toEqual({ status: 'Not Implemented', message: 'nothing was asked of it yet' })
      const early = await fetch(`${url}/v1/health/ready`)
      expect([early.status, await early.json()]).toMatchObject([503, { error: { code: 'server_not_ready' } }])
      expect((await fetch(`${url}/readyz`)).status).toBe(503)
      expect(await (await fetch(`${url}/v1/health`)).json()).toEqual({ status: 'OK' })
    })
  })
})

test('while calls are replayed nobody is asked, and what was never recorded is no failure', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'recordings-'))
  try {
    await withStack({ more: { recordings: { mode: 'replay', directory } } }, async ({ call, upstream }) => {
      const { health } = (await (await call('GET /v1/providers/vendor')).json()) as Shown
      expect(health).toEqual({ status: 'Not Implemented', message: 'nothing was asked of it yet' })
      expect(await (await call('GET /v1/health/ready')).json()).toEqual({ status: 'OK', failing: [] })
      expect(upstream.requests).toEqual([])
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

describe('readiness [B045]', () => {
  test('is there once the lists have come in, names who fails, and ends before the server does', async () => {
    const routes = {
      [chat]: ({ body }: { body: string }) =>
        body.includes('m2') ? { json: chatReply, delayMs: 300 } : { status: 500, json: { error: { message: 'boom' } } },
    }
    await withStack({ routes, config: once }, async ({ call, stack, url }) => {
      const ready = await call('GET /v1/health/ready')
      expect([ready.status, await ready.json()]).toEqual([200, { status: 'OK', failing: [] }])
      expect((await call('GET /readyz')).status).toBe(200)
      await call(chat, ask)
      await call(chat, ask)
      expect(await (await call('GET /v1/health/ready')).json()).toEqual({ status: 'OK', failing: ['vendor'] })
      const open = call(chat, { ...ask, model: 'vendor/m2' })
      await expect.poll(() => stack.openRequests).toBe(1)
      const closing = stack.close({ drainTimeoutMs: 2000 })
      const late = await fetch(`${url}/v1/health/ready`)
      expect([late.status, await late.json()]).toMatchObject([503, { error: { code: 'server_not_ready' } }])
      expect((await fetch(`${url}/v1/health`)).status).toBe(200)
      expect((await open).status).toBe(200)
      await closing
    })
  })
})
