import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { systemClock } from '../kernel/clock.ts'
import { createLog } from '../kernel/log.ts'
import type { Serving } from './announce.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'
import { createWorkerPool } from './worker-pool.ts'
import type { WorkerEvents, WorkerPool } from './worker-pool.ts'

/** A process as a test plays it: it answers like a good one unless the test says otherwise. */
interface Played {
  readonly number: number
  readonly got: ToWorker[]
  readonly events: WorkerEvents
  alive: boolean
  end(how: string): void
}

type Play = (process: Played, message: ToWorker) => FromWorker | 'ends' | undefined

const serving: Serving = {
  url: 'http://127.0.0.1:1',
  port: 1,
  host: '127.0.0.1',
  dataDir: '/data',
  keyCount: 0,
  auto: undefined,
  providers: [],
}

const good: Play = (_process, { kind }) => {
  if (kind === 'drain') return 'ends'
  return kind === 'open' ? { kind: 'opened' } : { kind: 'listening', serving }
}

interface Stage {
  readonly pool: WorkerPool
  readonly processes: Played[]
  readonly logged: JsonObject[]
}

function createStage(count: number, play: Play = good): Stage {
  const processes: Played[] = []
  const logged: JsonObject[] = []
  // What the log writes is JSON of its own making.
  const write = (line: string): unknown => logged.push(JSON.parse(line) as JsonObject)
  const pool = createWorkerPool({
    count,
    restartAfterMs: 10,
    log: createLog({ level: 'debug', format: 'json', clock: systemClock, write }),
    toOpen: (number) => ({
      kind: 'open',
      config: { name: 'test', providers: [], dataDir: '/data' } as never,
      env: {},
      role: { maintains: number === 1 },
    }),
    fork(number, events) {
      const played: Played = {
        number,
        events,
        got: [],
        alive: true,
        end(how) {
          if (!played.alive) return
          played.alive = false
          events.onExit(how)
        },
      }
      processes.push(played)
      const pid = processes.length
      return {
        pid,
        send(message) {
          played.got.push(message)
          setImmediate(() => {
            const answer = played.alive ? play(played, message) : undefined
            if (answer === 'ends') played.end('code 0')
            else if (answer !== undefined) events.onMessage(answer)
          })
        },
        kill: () => void setImmediate(() => played.end('signal SIGKILL')),
      }
    },
  })
  return { pool, processes, logged }
}

async function createRunning(count: number, play?: Play): Promise<Stage> {
  const stage = createStage(count, play)
  await stage.pool.open()
  await stage.pool.listen(undefined)
  return stage
}

const kinds = ({ got }: Played): string[] => got.map(({ kind }) => kind)

test('the first opens before the others, and nobody listens before all have opened', async () => {
  const order: string[] = []
  const { pool, processes } = createStage(3, (process, message) => {
    order.push(`${message.kind} ${process.number}`)
    return good(process, message)
  })
  await using _pool = pool
  await pool.open()
  expect(order[0]).toBe('open 1')
  expect(processes.map(({ got }) => (got[0]?.kind === 'open' ? got[0].role.maintains : undefined))).toEqual([
    true,
    false,
    false,
  ])
  expect(order.some((step) => step.startsWith('listen'))).toBe(false)
  expect(await pool.listen(8322)).toEqual([serving, serving, serving])
  expect(processes.map(({ got }) => got.at(-1))).toEqual(processes.map(() => ({ kind: 'listen', port: 8322 })))
})

test('a start that fails is the failure of the worker, and the others do not start', async () => {
  const failure = { kind: 'failed', code: 'storage_open_failed', details: { path: '/x', reason: 'no' } } as const
  const { pool, processes } = createStage(3, () => failure)
  await using _pool = pool
  await expect(pool.open()).rejects.toMatchObject({ code: 'storage_open_failed', details: { path: '/x' } })
  expect(processes).toHaveLength(1)
})

test.each<[string, Play]>([
  ['ends', () => 'ends'],
  ['has a bug', () => ({ kind: 'broke', reason: 'TypeError' })],
])('a worker that %s while it starts is a worker_failed', async (_what, play) => {
  const { pool, logged } = createStage(2, play)
  await using _pool = pool
  await expect(pool.open()).rejects.toMatchObject({ code: 'worker_failed' })
  await sleep(50)
  expect(logged).toEqual([])
})

test('after a port that was taken another one can be tried', async () => {
  const { pool } = createStage(2, (process, message) =>
    message.kind === 'listen' && message.port === undefined
      ? { kind: 'failed', code: 'port_in_use', details: { port: 1, host: 'h' } }
      : good(process, message),
  )
  await using _pool = pool
  await pool.open()
  await expect(pool.listen(undefined)).rejects.toMatchObject({ code: 'port_in_use' })
  expect(await pool.listen(2)).toHaveLength(2)
})

test('one that dies is replaced in its place, role and port', async () => {
  const { pool, processes, logged } = await createRunning(2)
  await using _pool = pool
  processes[0]?.end('signal SIGSEGV')
  expect(pool.pids).toEqual([2])
  await expect.poll(() => processes.length).toBe(3)
  await expect.poll(() => logged.at(-1)).toMatchObject({ message: 'A worker serves again.', worker: 1, pid: 3 })
  expect(processes[2]?.got).toMatchObject([{ kind: 'open', role: { maintains: true } }, { kind: 'listen' }])
  expect(logged[0]).toMatchObject({ level: 'error', worker: 1, ended: 'signal SIGSEGV' })
  expect(pool.pids).toEqual([3, 2])
})

test('one that cannot live is started ever more rarely', async () => {
  let lives = true
  const { pool, processes, logged } = await createRunning(1, (process, message) =>
    lives ? good(process, message) : 'ends',
  )
  await using _pool = pool
  lives = false
  processes[0]?.end('code 1')
  await sleep(400)
  // 10, 20, 40, 80, 160 ms: without the doubling there would be dozens.
  expect(processes.length).toBeGreaterThan(2)
  expect(processes.length).toBeLessThan(8)
  const pauses = logged.flatMap(({ afterMs }) => (typeof afterMs === 'number' ? [afterMs] : []))
  expect(pauses.slice(0, 3)).toEqual([10, 20, 40])
  lives = true
  await expect.poll(() => logged.at(-1), { timeout: 5000 }).toMatchObject({ message: 'A worker serves again.' })
})

test('draining lets each end by itself, and nobody is started again', async () => {
  const { pool, processes, logged } = await createRunning(3)
  await pool.drain(1000)
  expect(processes.map((process) => kinds(process).at(-1))).toEqual(['drain', 'drain', 'drain'])
  await sleep(50)
  expect(processes).toHaveLength(3)
  expect(logged).toEqual([])
})

test('one that does not end in time is ended', async () => {
  const { pool, processes } = await createRunning(2, (process, message) =>
    message.kind === 'drain' && process.number === 1 ? undefined : good(process, message),
  )
  const startedAtMs = performance.now()
  await pool.drain(50)
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(45)
  expect(processes.map(({ alive }) => alive)).toEqual([false, false])
})

test('a restart that is due does not come after the end', async () => {
  const { pool, processes } = await createRunning(2)
  processes[0]?.end('code 1')
  await pool.drain(1000)
  await sleep(50)
  expect(processes).toHaveLength(2)
})
