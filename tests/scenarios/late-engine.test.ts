/** The agent engine, which is loaded when it is first needed: what becomes of it where that fails. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { createIds } from '../../packages/server/src/kernel/ids.ts'
import type { Ids } from '../../packages/server/src/kernel/ids.ts'
import { silentLog } from '../../packages/server/src/kernel/log.ts'
import { withResponses } from './responses-scene.ts'
import { says } from './scripted-model.ts'
import { doors, withStack } from './stack-under-test.ts'

/** A source of ids that the engine cannot name its worker with until it is mended. */
function createBrokenIds(): Ids & { isBroken: boolean } {
  const ids = createIds()
  return {
    ...ids,
    isBroken: true,
    random(prefix) {
      if (this.isBroken && prefix === 'worker_')
        throw new StackError('storage_failed', { reason: 'No names are left.' })
      return ids.random(prefix)
    },
  }
}

test.each(doors)(
  'through the %s: who needs it hears why it cannot be loaded, and the next one tries again',
  async (door) => {
    const ids = createBrokenIds()
    await withStack({ door, more: { ids }, expectsErrors: true }, async ({ call }) => {
      for (const route of ['POST /v1/conversations', 'POST /v1/prompts']) {
        const refused = await call(route, { prompt: 'Hi' })
        expect([refused.status, await refused.json()]).toMatchObject([
          500,
          { error: { code: 'storage_failed', message: expect.stringContaining('No names are left.') } },
        ])
      }
      ids.isBroken = false
      expect((await call('POST /v1/conversations', {})).status).toBe(200)
    })
  },
)

test('a stack whose engine cannot be loaded closes all the same', async () => {
  await withStack({ more: { ids: createBrokenIds() }, expectsErrors: true }, async ({ call }) => {
    expect((await call('POST /v1/conversations', {})).status).toBe(500)
  })
})

test('a failure at the start is logged once; what was left is taken up when the engine can be loaded', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'late-engine-'))
  const errors: string[] = []
  const log: Log = { ...silentLog, error: (message) => void errors.push(message), child: () => log }
  const ids = createBrokenIds()
  let id = ''
  try {
    await withResponses({ directory }, async (scene) => {
      scene.model.answers('Go', { ...says('Too late.'), delayMs: 60_000 })
      ;({ id } = await scene.ask({ input: 'Go', background: true }))
      await expect.poll(() => scene.model.asked.length).toBe(1)
    })
    await withResponses({ directory, more: { ids, log } }, async (scene) => {
      scene.model.answers('Go', says('Done.'))
      await expect.poll(() => errors.length, { timeout: 5000 }).toBe(1)
      await sleep(2500)
      expect(errors).toEqual(['The agent engine could not be started.'])
      ids.isBroken = false
      // Nobody asks for it meanwhile.
      await expect.poll(() => scene.model.asked.length, { timeout: 5000 }).toBe(1)
      await expect.poll(async () => (await scene.fetchResponse(id)).status).toBe('completed')
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
