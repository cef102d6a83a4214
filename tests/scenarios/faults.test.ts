/** The fault table: every fault of an upstream, alone and with a healthy target behind it, as JSON and as a stream. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MARK, streamFaults } from '../../packages/server/src/testing/faults.ts'
import { faultNames } from '../../packages/server/src/testing/faulty-upstream.ts'
import type { FaultName } from '../../packages/server/src/testing/faulty-upstream.ts'
import { CLIENT_LEAVES_MS, playFault } from './fault-scene.ts'
import type { FaultCell } from './fault-scene.ts'
import { renderFaultTable } from './fault-table.ts'
import type { FaultRow } from './fault-table.ts'

/** Most faults show at once; a shared machine may take its time. */
const AT_ONCE_MS = 1500
/** Two silences, each told two beats late at most. */
const SILENCES_MS = 2500
/** A client that waits for a large reply. */
const PATIENT_CLIENT_LEAVES_MS = 5000
const bounds: Readonly<Partial<Record<FaultName, number>>> = {
  'accepts and falls silent': SILENCES_MS,
  'stalls before the headers': SILENCES_MS,
  'stalls within the headers': SILENCES_MS,
  'stalls within the body': SILENCES_MS,
  'stalls within the stream': SILENCES_MS,
  'drips its headers': SILENCES_MS,
  'drips its reply': SILENCES_MS,
  'answers 429 with Retry-After: 1': SILENCES_MS,
  'never ends its reply': CLIENT_LEAVES_MS + 1000,
  // Ten million characters are relayed, parsed and stored; most of the time is the machine's.
  'sends an event of 10 MB': PATIENT_CLIENT_LEAVES_MS - 1000,
}

/** Faults that clients still suffer from. A case that holds again fails here until it is taken out of the list. */
const known: Readonly<Partial<Record<FaultName, string>>> = {}

const rejections: unknown[] = []
const collect = (reason: unknown): void => void rejections.push(reason)
beforeAll(() => void process.on('unhandledRejection', collect))
afterAll(() => void process.off('unhandledRejection', collect))

const rows: FaultRow[] = []

describe('[B055] a vendor that', () => {
  const holding = faultNames.filter((fault) => known[fault] === undefined)
  const failing = faultNames.filter((fault) => known[fault] !== undefined)
  test.each(holding)('%s', async (fault) => {
    await expect(playRows(fault)).resolves.toBeUndefined()
  })
  test.fails.each(failing)('%s', async (fault) => {
    await expect(playRows(fault)).resolves.toBeUndefined()
  })
})

test('the page of the reference says what happened', async ({ skip }) => {
  const played = rows.filter(({ fault }) => known[fault] === undefined)
  const faults = new Set(played.map(({ fault }) => fault))
  if (faults.size + Object.keys(known).length < faultNames.length) skip('only some of the faults were played')
  const inOrder = played.toSorted((a, b) => faultNames.indexOf(a.fault) - faultNames.indexOf(b.fault))
  await expect(renderFaultTable(inOrder, known)).toMatchFileSnapshot('../../docs/reference/faults.md')
})

async function playRows(fault: FaultName): Promise<void> {
  const before = countResources()
  const boundMs = bounds[fault] ?? AT_ONCE_MS
  const replies = [false, true].filter((streamed) => streamed || !streamFaults.has(fault))
  const cells = replies.flatMap((streamed) => (['alone', 'backed'] as const).map((targets) => ({ streamed, targets })))
  const played: FaultCell[] = []
  if (fault === 'sends an event of 10 MB') {
    // Side by side they would wait for each other, not for the vendor.
    for (const cell of cells) {
      played.push(await playFault(fault, { ...cell, clientLeavesMs: PATIENT_CLIENT_LEAVES_MS }))
    }
  } else played.push(...(await Promise.all(cells.map((cell) => playFault(fault, cell)))))
  for (const cell of played) expectCell(cell, boundMs)
  for (const [at, streamed] of replies.entries()) {
    const [alone, backed] = played.slice(2 * at)
    if (alone === undefined || backed === undefined) throw new Error('a cell was not played')
    rows.push({ fault, streamed, alone, backed, boundMs })
    expectFallback(alone, backed)
  }
  await expectNothingLeft(before)
}

/** Whatever fails before its first content is answered by the second target, unless no time is left for it. */
function expectFallback(alone: FaultCell, backed: FaultCell): void {
  if (alone.end !== 'error' || alone.text !== '' || alone.code === 'deadline_exceeded') return
  expect(backed).toMatchObject({ status: 200, end: 'whole', text: 'Hello!' })
  const toldInHeader = backed.headers.get('x-llama-stack-attempts')?.endsWith('healthy=ok') === true
  expect(toldInHeader || backed.takenOver.at(-1)?.includes('"healthy"')).toBe(true)
}

function expectCell(cell: FaultCell, boundMs: number): void {
  expect(cell.tookMs).toBeLessThan(boundMs)
  expect(cell.connectionsLeaked).toBe(0)
  // Kept for the next call, at most.
  expect(cell.connectionsAfter).toBeLessThanOrEqual(1)
  expect(cell.end).not.toBe('cut')
  expect(cell.status >= 400).toBe(cell.end === 'error' && cell.text === '' && cell.status !== 200)
  if (cell.error !== undefined) {
    expect(Object.keys(cell.error).toSorted()).toEqual(['code', 'message', 'param', 'type'])
    expect(JSON.stringify(cell.error)).not.toContain('sk-test')
  }
  if (cell.end === 'whole') expect([`Rain is likely: ${MARK}`, 'Hello!', BIG]).toContain(cell.text)
}

const BIG = `Rain is likely: ${'x'.repeat(10 * 1024 * 1024)}`

type Resources = Readonly<Partial<Record<string, number>>>

/** What keeps the process busy, by kind. The test runner's own pipes and timers are among it. */
function countResources(): Resources {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

async function expectNothingLeft(before: Resources): Promise<void> {
  const more = (): string[] =>
    Object.entries(countResources())
      .filter(([kind, count = 0]) => count > (before[kind] ?? 0))
      .map(([kind, count]) => `${kind}: ${before[kind] ?? 0} → ${count}`)
  for (let waited = 0; more().length > 0 && waited < 1000; waited += 20) await sleep(20)
  expect(more()).toEqual([])
  expect(rejections).toEqual([])
}
