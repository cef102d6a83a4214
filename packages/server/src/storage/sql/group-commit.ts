/**
 * One transaction for all that is written while each turn of the event loop brings more.
 *
 * A commit costs more than a row, and callers wait for their commit before they answer. So rows that arrive one shortly
 * after the other share one: the first turn that brings none commits, which on a quiet server is the next. Nothing is
 * delayed by a timer.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StackError, type Clock } from '@llama-stack/api'
import { isBusy, toWriteError } from './sqlite-error.ts'

/** The only way to write: callers' jobs, committed in groups. */
export interface GroupCommit extends AsyncDisposable {
  /**
   * Runs the job inside the next transaction and resolves with its result after the commit. The job is synchronous and
   * may be run a second time when another job of its group fails; a failing job rejects alone.
   */
  write<Result>(job: () => Result): Promise<Result>
  /** Resolves when everything handed over so far is committed or refused. */
  flush(): Promise<void>
}

/** What a group commit works on. */
export interface GroupCommitOptions {
  readonly connection: DatabaseSync
  readonly clock: Clock
  /** How long writes wait while another process holds the lock. */
  readonly busyTimeoutMs: number
  /** Called after each commit. */
  readonly onCommit?: () => void
}

interface PendingWrite {
  /** Runs the job; the function returned tells the caller its result. */
  run(): () => void
  reject(error: unknown): void
}

/** Bounds how long one transaction holds the event loop. */
const MAX_GROUP = 256
/** How long the first of a group may wait for others. */
const MAX_GATHER_MS = 20
/** Reached only while another process holds the lock. */
const MAX_PENDING = 10_000
/** Waiting inside SQLite would stop the event loop, so a busy lock is tried again from a timer. */
const BUSY_RETRY_MS = 20

/** Creates the writer of one connection. No other code may begin a transaction on it. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const writer = new GroupCommitWriter(options)
  return {
    write: (job) => writer.write(job),
    flush: () => writer.flush(),
    [Symbol.asyncDispose]: () => writer.close(),
  }
}

class GroupCommitWriter {
  readonly #options: GroupCommitOptions
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  #pending: PendingWrite[] = []
  #scheduled = false
  /** How many were waiting when it was looked last, and since when the first of them has. */
  #seen = 0
  #gatheringSinceMs = 0
  #closed = false
  /** Since when the lock was refused, in monotonic milliseconds. */
  #busySinceMs: number | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#begin = options.connection.prepare('BEGIN IMMEDIATE')
    this.#commit = options.connection.prepare('COMMIT')
  }

  write<Result>(job: () => Result): Promise<Result> {
    if (this.#closed) return Promise.reject(new StackError('server_shutting_down', {}))
    if (this.#pending.length >= MAX_PENDING) {
      return Promise.reject(new StackError('storage_failed', { reason: 'too many writes are waiting for the lock' }))
    }
    return this.#enqueue(job)
  }

  async flush(): Promise<void> {
    if (this.#pending.length > 0) await this.#enqueue(() => undefined)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
  }

  #enqueue<Result>(job: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const run = (): (() => void) => {
        const result = job()
        return () => resolve(result)
      }
      this.#pending.push({ run, reject })
      if (this.#scheduled) return
      this.#scheduled = true
      this.#gatheringSinceMs = this.#options.clock.monotonic()
      setImmediate(() => this.#commitWhenGathered())
    })
  }

  #commitWhenGathered(): void {
    const isGrowing = this.#pending.length > this.#seen
    this.#seen = this.#pending.length
    const waitedMs = this.#options.clock.monotonic() - this.#gatheringSinceMs
    if (isGrowing && this.#seen < MAX_GROUP && waitedMs < MAX_GATHER_MS) setImmediate(() => this.#commitWhenGathered())
    else this.#commitGroup()
  }

  #commitGroup(): void {
    this.#scheduled = false
    this.#seen = 0
    const group = this.#pending.splice(0, MAX_GROUP)
    const refused = this.#commitTogether(group)
    if (refused.length === 0) this.#busySinceMs = undefined
    else this.#waitForLock(refused)
    if (this.#pending.length === 0 || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#commitGroup())
  }

  /** Returns the writes that the lock kept out. */
  #commitTogether(group: readonly PendingWrite[]): readonly PendingWrite[] {
    try {
      this.#begin.run()
    } catch (error) {
      if (isBusy(error)) return group
      for (const write of group) write.reject(toWriteError(error))
      return []
    }
    try {
      const settle = group.map((write) => write.run())
      this.#commit.run()
      for (const tell of settle) tell()
    } catch (error) {
      this.#rollBack()
      if (group.length > 1) return this.#commitOneByOne(group)
      group[0]?.reject(toWriteError(error))
      return []
    }
    this.#options.onCommit?.()
    return []
  }

  /** The slow path after a failure: the job at fault is found by giving each its own transaction. */
  #commitOneByOne(group: readonly PendingWrite[]): readonly PendingWrite[] {
    for (const [index, write] of group.entries()) {
      if (this.#commitTogether([write]).length > 0) return group.slice(index)
    }
    return []
  }

  #rollBack(): void {
    // SQLite ends the transaction itself on a full disk and on I/O errors.
    if (this.#options.connection.isTransaction) this.#options.connection.exec('ROLLBACK')
  }

  #waitForLock(refused: readonly PendingWrite[]): void {
    const nowMs = this.#options.clock.monotonic()
    this.#busySinceMs ??= nowMs
    if (nowMs - this.#busySinceMs >= this.#options.busyTimeoutMs) {
      const error = new StackError('storage_failed', { reason: 'another process holds the database locked' })
      for (const write of refused) write.reject(error)
      return
    }
    this.#pending.unshift(...refused)
    this.#scheduled = true
    setTimeout(() => this.#commitGroup(), BUSY_RETRY_MS)
  }
}
