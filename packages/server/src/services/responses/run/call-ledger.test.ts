import { expect, onTestFinished, test } from 'vitest'
import { newcomer } from '../../../testing/newcomer.ts'
import { openResponseRow as row } from '../../../testing/open-response-row.ts'
import { createTemporaryStorage } from '../../../testing/temporary-storage.ts'
import type { ToolOutcome } from '../tools/server-tool.ts'
import { CallLedger } from './call-ledger.ts'

const outcome = (content: string): ToolOutcome => ({ content, isError: false, members: { output: content } })

async function setUp() {
  const temporary = await createTemporaryStorage()
  onTestFinished(() => temporary[Symbol.asyncDispose]())
  const repository = temporary.storage.responses(newcomer())
  const kept = { now: true }
  /** One for each process. */
  const open = (): CallLedger => new CallLedger({ responseId: 'resp_1', repository, isKept: () => kept.now })
  return { repository, kept, open }
}

/** A call that never ends. */
const endless = (): Promise<ToolOutcome> => new Promise(() => undefined)

test('a call is made once, and gives what it gave before', async () => {
  const { repository, open } = await setUp()
  await repository.insert(row)
  let made = 0
  const call = { key: 'mcp_1', isRepeatable: false, run: () => Promise.resolve(outcome(`made ${(made += 1)}`)) }
  expect(await open().once(call)).toEqual(outcome('made 1'))
  expect(await open().once(call)).toEqual(outcome('made 1'))
  expect(await open().once({ ...call, key: 'mcp_2' })).toEqual(outcome('made 2'))
})

test('a call that was begun is not made again, except where that does no harm', async () => {
  const { repository, open } = await setUp()
  await repository.insert(row)
  const before = open()
  for (const key of ['writes', 'reads']) void before.once({ key, isRepeatable: false, run: endless })
  await expect.poll(() => repository.claimCall('resp_1', 'reads')).toEqual({ kind: 'begun' })
  const run = () => Promise.resolve(outcome('again'))
  expect(await open().once({ key: 'writes', isRepeatable: false, run })).toBeUndefined()
  expect(await open().once({ key: 'reads', isRepeatable: true, run })).toEqual(outcome('again'))
})

test('a call under way is noted when its response is kept, and so is its outcome', async () => {
  const { repository, kept, open } = await setUp()
  kept.now = false
  const ledger = open()
  const call = Promise.withResolvers<ToolOutcome>()
  const made = ledger.once({ key: 'mcp_1', isRepeatable: false, run: () => call.promise })
  void ledger.once({ key: 'mcp_2', isRepeatable: false, run: endless })
  kept.now = true
  // As a run does: both are in the hands of the store before anything is waited for.
  await Promise.all([repository.insert(row), ledger.keepUnderWay()])
  call.resolve(outcome('made'))
  await made
  expect(await repository.claimCall('resp_1', 'mcp_1')).toEqual({
    kind: 'done',
    outcome: JSON.stringify(outcome('made')),
  })
  expect(await repository.claimCall('resp_1', 'mcp_2')).toEqual({ kind: 'begun' })
})

test('of a response that nobody keeps, nothing is noted', async () => {
  const { kept, open } = await setUp()
  kept.now = false
  const call = { key: 'mcp_1', isRepeatable: false, run: () => Promise.resolve(outcome('made')) }
  expect(await open().once(call)).toEqual(outcome('made'))
})
