import { performance } from 'node:perf_hooks'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import type { ScriptedReply } from '../../packages/server/src/testing/scripted-upstream.ts'
import { expect, test } from 'vitest'
import { chatReply, withStack } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'
const REQUESTS = 10_000
const AT_A_TIME = 32

interface Crowd {
  readonly failed: number
  readonly p99Ms: number
  /** How often each vendor was asked. */
  readonly asked: Readonly<Record<string, number>>
}

/** Asks three vendors for many chats, by weight. A vendor that is `dead` has nobody at its address. */
async function ask(
  replies: Readonly<Record<string, (turn: number) => ScriptedReply | 'dead'>>,
  requests: number,
): Promise<Crowd> {
  await using opened = new AsyncDisposableStack()
  const asked: Record<string, number> = {}
  const urls: Record<string, string> = {}
  for (const [id, reply] of Object.entries(replies)) {
    asked[id] = 0
    const route = (): ScriptedReply => {
      const turn = (asked[id] = (asked[id] ?? 0) + 1)
      const scripted = reply(turn)
      return scripted === 'dead' ? { reset: true } : scripted
    }
    urls[id] = opened.use(await createScriptedUpstream({ routes: { [chat]: route } })).url
  }
  const config = {
    providers: Object.entries(urls).map(([id, url]) => ({
      api: 'inference',
      id,
      type: 'remote::openai',
      config: { base_url: `${url}/v1`, api_key: 'sk-test', skip_model_availability: true },
    })),
    aliases: { team: { strategy: 'weighted' as const, targets: Object.keys(urls).map((id) => `${id}/m`) } },
    inferenceStore: { enabled: false },
    reliability: { backoff: { baseMs: 20, maxMs: 200 } },
  }
  const took: number[] = []
  let failed = 0
  await withStack({ door: 'fetch', config }, async ({ call }) => {
    let left = requests
    const client = async (): Promise<void> => {
      while (left > 0) {
        left -= 1
        const started = performance.now()
        const response = await call(chat, { model: 'team', messages: [{ role: 'user', content: 'Hi' }] })
        const body = await response.text()
        took.push(performance.now() - started)
        if (response.status !== 200 || !body.includes('Hello!')) failed += 1
      }
    }
    await Promise.all(Array.from({ length: AT_A_TIME }, client))
  })
  took.sort((a, b) => a - b)
  return { failed, p99Ms: took[Math.floor(took.length * 0.99)] ?? Number.NaN, asked }
}

test('[B029, B030] with one vendor dead and one failing half of its calls, 10,000 requests are all answered', async () => {
  const well = (): ScriptedReply => ({ json: chatReply })
  const weak = (turn: number): ScriptedReply => (turn % 2 === 0 ? { json: chatReply } : { status: 500, json: {} })
  const healthy = await ask({ a: well, b: well, c: well }, REQUESTS / 4)
  const hurt = await ask({ dead: () => 'dead', weak, well }, REQUESTS)
  const ratio = hurt.p99Ms / healthy.p99Ms
  console.info(
    `p99 ${hurt.p99Ms.toFixed(1)} ms, ${ratio.toFixed(1)} times the ${healthy.p99Ms.toFixed(1)} ms of a healthy run; asked ${JSON.stringify(hurt.asked)}`,
  )
  expect(healthy.failed).toBe(0)
  expect(hurt.failed).toBe(0)
  // Those that were under way when the breaker opened, and a probe now and then.
  expect(hurt.asked['dead']).toBeLessThan(AT_A_TIME * 3)
  expect(hurt.asked['well']).toBeGreaterThan(REQUESTS / 2)
}, 180_000)
