/** Commands that show the providers of a running server, against one that is scripted. */
import { expect, test } from 'vitest'
import { runCommand } from '../testing/run-command.ts'
import { createScriptedUpstream } from '../testing/scripted-upstream.ts'
import type { ScriptedRoute } from '../testing/scripted-upstream.ts'

const run = (words: readonly string[]) => runCommand(words, { home: '/nowhere' })

const provider = { api: 'inference', provider_id: 'fast', provider_type: 'remote::groq', config: {} }
const failing = {
  ...provider,
  health: {
    status: 'Error',
    message: 'it refused the credentials',
    fix: 'Check the key.',
    window: { seconds: 300, calls: 4, failures: 3 },
    unavailable: [{ model: 'm1', state: 'open', retry_after_ms: 10 }],
  },
}
const serving = (row: object): Record<string, ScriptedRoute> => ({
  'GET /v1/providers': { json: { data: [row] } },
  'GET /v1/version': { json: { version: '1.0.0' } },
})

test('explain says what to do where the message is a vendor’s', async () => {
  const { stdout } = await run(['explain', 'provider-quota-exceeded', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ message: '<reason>', fix: expect.stringMatching(/^Add credit/) as string })
  // Here the message has it already.
  expect(JSON.parse((await run(['explain', 'provider-unreachable', '--json'])).stdout)).not.toHaveProperty('fix')
})

test('doctor says what fails, what to do, and which models are left alone', async () => {
  await using server = await createScriptedUpstream({ routes: serving(failing) })
  const { code, stdout } = await run(['doctor', '--url', server.url, '--port', '65000', '--json'])
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    checks: expect.arrayContaining([
      {
        area: 'server',
        name: 'fast',
        status: 'failed',
        message: 'it refused the credentials; 3 of 4 calls failed lately; left alone: m1',
        fix: 'Check the key.',
      },
    ]) as unknown,
  })
})

test('list-providers shows how those are that the server has', async () => {
  await using server = await createScriptedUpstream({ routes: serving(failing) })
  const { code, stdout } = await run(['stack', 'list-providers', 'inference', '--url', server.url])
  expect(code).toBe(0)
  expect(stdout).toMatch(/RUNNING/)
  expect(stdout).toMatch(/remote::groq.*fast: failing, 3 of 4 calls failed/)
  // Servers of upstream count nothing.
  await using old = await createScriptedUpstream({ routes: serving({ ...provider, health: { status: 'OK' } }) })
  expect((await run(['stack', 'list-providers', '--url', old.url])).stdout).toMatch(/remote::groq.*fast: well/)
})

test.each([
  ['refuses', { 'GET /v1/providers': { status: 401, json: {} } }],
  ['hangs', { 'GET /v1/providers': { json: {}, delayMs: 4000 } }],
])('list-providers does without a server that %s', async (_, routes: Record<string, ScriptedRoute>) => {
  await using server = await createScriptedUpstream({ routes })
  const { code, stdout } = await run(['stack', 'list-providers', '--url', server.url])
  expect(code).toBe(0)
  expect(stdout).not.toMatch(/RUNNING/)
})
