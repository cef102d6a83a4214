/** The job queue in SQL: a row for each job, gone when it is done. */
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { Job, JobQueue, NewJob } from '../agent-state.ts'
import type { SqliteDatabase } from './sqlite-database.ts'

/** What the other tables write of jobs, within a job of the writer. */
export interface JobRows {
  insert(owner: string, job: NewJob): void
  remove(id: string): void
  /** How a worker of this process is named where it holds a job. */
  nameOf(worker: string): string
}

/** Whose leases the queue keeps. */
export interface LeaseProcess {
  /** Names this process among all that ever had the file open. */
  readonly name: string
  /** A process that is dead for certain: nobody has to wait until its leases have run out. */
  readonly dead: string | undefined
}

const Row = lateSchema(() =>
  z.object({
    id: z.string(),
    kind: z.string(),
    owner: z.string(),
    attempts: z.number(),
    payload: z.string(),
  }),
)
const Payload = lateSchema(() => z.record(z.string(), z.json()))

/** Prepares the statements that belong to the transactions of others. */
export function prepareJobRows(connection: DatabaseSync, clock: Clock, process: LeaseProcess): JobRows {
  const insert = connection.prepare(
    'INSERT INTO jobs (id, kind, owner, worker, lease_until_ms, attempts, payload) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const remove = connection.prepare('DELETE FROM jobs WHERE id = ?')
  return {
    insert(owner, { id, kind, payload, worker, leaseMs }) {
      const held = worker !== undefined
      const lease = held ? [toHolder(process, worker), clock.now() + leaseMs, 1] : [null, 0, 0]
      insert.run(id, kind, owner, ...lease, JSON.stringify(payload))
    },
    remove: (id) => void remove.run(id),
    nameOf: (worker) => toHolder(process, worker),
  }
}

/** Workers are named within their process. */
function toHolder({ name }: LeaseProcess, worker: string): string {
  return `${name}/${worker}`
}

/** Prepares the queue of the whole server. */
export function prepareJobQueue({ connection, writer }: SqliteDatabase, clock: Clock, process: LeaseProcess): JobQueue {
  const any = connection.prepare('SELECT 1 FROM jobs WHERE kind = ? LIMIT 1')
  const isWaiting = connection.prepare('SELECT 1 FROM jobs WHERE kind = ? AND lease_until_ms <= ? LIMIT 1')
  const claim = connection.prepare(
    `UPDATE jobs SET worker = ?, lease_until_ms = ?, attempts = attempts + 1
     WHERE seq = (SELECT seq FROM jobs WHERE kind = ? AND lease_until_ms <= ? ORDER BY seq LIMIT 1)
     RETURNING id, kind, owner, attempts, payload`,
  )
  const renew = connection.prepare('UPDATE jobs SET lease_until_ms = ? WHERE id = ? AND worker = ?')
  const release = connection.prepare(
    'UPDATE jobs SET worker = NULL, lease_until_ms = 0, attempts = attempts - 1 WHERE id = ? AND worker = ?',
  )
  const remove = connection.prepare('DELETE FROM jobs WHERE id = ?')
  const nameOf = (worker: string): string => toHolder(process, worker)
  const releaseAll = connection.prepare(
    'UPDATE jobs SET worker = NULL, lease_until_ms = 0 WHERE substr(worker, 1, length(?1)) = ?1',
  )
  let { dead } = process
  return {
    hasAny: (kind) => any.get(kind) !== undefined,
    async claim(kind, { worker, leaseMs }) {
      if (dead !== undefined && dead !== process.name) await writer.write(() => void releaseAll.run(`${dead}/`))
      dead = undefined
      // Idle workers ask again and again: only a job that waits is worth the lock.
      if (isWaiting.get(kind, clock.now()) === undefined) return undefined
      const row = await writer.write(() => claim.get(nameOf(worker), clock.now() + leaseMs, kind, clock.now()))
      return row === undefined ? undefined : toJob(row)
    },
    renew: (id, { worker, leaseMs }) =>
      writer.write(() => renew.run(clock.now() + leaseMs, id, nameOf(worker)).changes === 1),
    release: (id, worker) => writer.write(() => void release.run(id, nameOf(worker))),
    finish: (id) => writer.write(() => void remove.run(id)),
  }
}

function toJob(row: unknown): Job {
  const { payload, ...job } = Row.parse(row)
  return { ...job, payload: Payload.parse(JSON.parse(payload)) }
}
