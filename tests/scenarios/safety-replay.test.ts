import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bug } from '@llama-stack/api'
import type { CallContext, Principal } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import type { SafetyService } from '../../packages/server/src/services/safety/safety-service.ts'
import { withStack } from './stack-under-test.ts'
import type { UnderTest } from './stack-under-test.ts'

const recordings = join(dirname(fileURLToPath(import.meta.url)), '../../../shared/recordings/ogx')
const there = existsSync(recordings)
if (!there) console.warn('SKIPPED: ../shared/recordings is absent, so upstream’s calls of Llama Guard are not replayed')

/** One recorded call: what was judged, for which test, and the verdict. */
interface GuardCall {
  readonly file: string
  readonly testId: string
  readonly text: string
  readonly verdict: string
}

interface Recording {
  readonly test_id: string
  readonly request: {
    readonly model: string
    readonly body: { readonly messages?: readonly { readonly content: unknown }[] }
  }
  readonly response: {
    readonly body: {
      readonly __data__?: { readonly choices?: readonly { readonly message: { readonly content: string } }[] }
    }
  }
}

function guardCallsOf(folder: string): GuardCall[] {
  return readdirSync(join(recordings, folder))
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const recording = JSON.parse(readFileSync(join(recordings, folder, file), 'utf8')) as Recording
      const prompt = recording.request.body.messages?.[0]?.content
      const text = typeof prompt === 'string' ? /\n\nUser: (.*)\n\n<END CONVERSATION>/s.exec(prompt)?.[1] : undefined
      if (recording.request.model !== 'llama-guard3:1b' || text === undefined) return []
      const verdict = recording.response.body.__data__?.choices?.[0]?.message.content ?? ''
      return [{ file, testId: recording.test_id, text, verdict }]
    })
}

const options = {
  config: {
    providers: [
      { api: 'inference', id: 'ollama', type: 'remote::ollama', config: { url: 'http://0.0.0.0:11434/v1' } },
      { api: 'safety', id: 'llama-guard', type: 'inline::llama-guard', config: { excluded_categories: [] } },
    ],
    resources: {
      shields: [{ shield_id: 'llama-guard', provider_id: 'llama-guard', provider_shield_id: 'ollama/llama-guard3:1b' }],
    },
  },
  more: { recordings: { mode: 'replay' as const, directory: recordings } },
}

describe.skipIf(!there)('upstream’s recorded calls of Llama Guard, replayed', () => {
  const calls = there ? guardCallsOf('safety') : []

  test('the suite of safety: every file is hit, by the route that its test calls', async () => {
    await withStack(options, async ({ call }) => {
      const hits = await Promise.all(calls.map(async (recorded) => ({ recorded, isHit: await ask(call, recorded) })))
      expect(hits.filter(({ isHit }) => !isHit).map(({ recorded }) => recorded.file)).toEqual([])
      expect(hits).toHaveLength(25)
    })
  })

  test('the suite of agents: what guardrails ask about inputs and growing outputs, every file', async () => {
    const agents = guardCallsOf('agents')
    const said = new Map<string, GuardCall[]>()
    for (const each of agents) said.set(each.testId, [...(said.get(each.testId) ?? []), each])
    let hits = 0
    await withStack(options, async ({ stack }) => {
      // The program that holds the stack knows what its service is.
      const safety = stack.services.safety as SafetyService
      for (const [testId, recorded] of said) hits += await guard(safety, testId, recorded)
    })
    expect([hits, agents.length]).toEqual([15, 15])
  })
})

/** Asks as the recorded test did; true where the answer is the recorded verdict. */
async function ask(call: UnderTest['call'], { testId, text, verdict }: GuardCall): Promise<boolean> {
  const headers = { 'x-ogx-provider-data': JSON.stringify({ __test_id: testId }) }
  const isModeration = testId.includes('run_moderation')
  const response = isModeration
    ? await call('POST /v1/moderations', { model: 'ollama/llama-guard3:1b', input: text }, headers)
    : await call(
        'POST /v1/safety/run-shield',
        { shield_id: 'llama-guard', messages: [{ role: 'user', content: text }] },
        headers,
      )
  // One of the two is there, as the route has it.
  const { results, violation } = (await response.json()) as {
    results?: { flagged: boolean }[]
    violation?: object | null
  }
  const isFlagged = isModeration ? results?.[0]?.flagged : violation !== null
  return response.status === 200 && isFlagged === verdict.startsWith('unsafe')
}

/** Lets the recorded answer grow by words, as models write; how many recordings were hit on the way. */
async function guard(safety: SafetyService, testId: string, recorded: readonly GuardCall[]): Promise<number> {
  const principal: Principal = { id: 'local' }
  const call: CallContext = {
    principal,
    requestId: 'req_replay',
    signal: new AbortController().signal,
    providerData: {},
    testId,
  }
  const guardrails = await safety.openGuardrails(['llama-guard'], call)
  const byLength = recorded.toSorted((one, other) => one.text.length - other.text.length)
  const [input, ...outputs] = byLength
  if (input === undefined) return bug('a test has a call')
  const stops = await guardrails.checkInput([{ role: 'user', text: input.text }], call)
  expect(stops !== undefined).toBe(input.verdict.startsWith('unsafe'))
  const output = guardrails.openOutput(call)
  let before = ''
  for (const { text, verdict } of outputs) {
    // Each recorded text begins with the one before it: what came between is the next piece that makes a window full.
    expect(text.startsWith(before)).toBe(true)
    const isLast = text === outputs.at(-1)?.text && text.length - before.length < 200
    const given = await output.add(text.slice(before.length))
    const shown = isLast ? await output.end() : given
    expect(typeof shown === 'string' ? 'safe' : 'unsafe').toBe(verdict.split('\n')[0])
    before = text
  }
  return recorded.length
}
