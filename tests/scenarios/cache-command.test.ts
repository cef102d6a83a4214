import { expect, test } from 'vitest'
import { runCommand } from '../../packages/server/src/testing/run-command.ts'
import { createScriptedUpstream } from '../../packages/server/src/testing/scripted-upstream.ts'
import { chatReply, withStack } from './stack-under-test.ts'

const chat = 'POST /v1/chat/completions'

const run = (words: readonly string[]) => runCommand(words, { home: '/nowhere' })

test('the cache of a running server is shown and cleared', async () => {
  const config = { aliases: { fast: 'vendor/m1' } }
  await withStack({ config, routes: { [chat]: { json: chatReply } } }, async ({ call, url }) => {
    for (const model of ['vendor/m1', 'fast', 'fast']) {
      const body = { model, messages: [{ role: 'user', content: 'Hi' }] }
      await (await call(chat, body, { 'x-llama-stack-cache': '60' })).text()
    }
    const shown = await run(['cache', '--url', url])
    expect(shown.stdout).toMatch(/^MODEL +OPERATION +ANSWERS +BYTES\nfast +chat +1 +\d+\nvendor\/m1 +chat +1 +\d+\n$/)
    expect(shown.stderr).toMatch(
      /^2 answers, \d+ of 268435456 bytes, for local\nSince the start: 1 hits, 2 misses, 0 joined\n$/,
    )
    const cleared = await run(['cache', 'clear', '--model', 'fast', '--url', url])
    expect(cleared).toEqual({ code: 0, stdout: 'Deleted 1 answers.\n', stderr: '' })
    expect(await run(['cache', 'clear', '--url', url, '--json'])).toMatchObject({ stdout: '{"deleted":1}\n' })
    const empty = await run(['cache', 'show', '--url', url, '--json'])
    expect(JSON.parse(empty.stdout)).toMatchObject({ entries: 0, data: [] })
  })
})

test('a server without such a cache is told as one', async () => {
  await using other = await createScriptedUpstream({ handler: () => ({ json: { status: 'fine' } }) })
  for (const words of [['cache'], ['cache', 'clear']]) {
    const { code, stderr } = await run([...words, '--url', other.url])
    expect([code, stderr]).toEqual([2, expect.stringContaining('has no response cache')])
  }
})
