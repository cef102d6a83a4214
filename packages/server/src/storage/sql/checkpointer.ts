/**
 * Moves the write-ahead log into the database file, away from the event loop.
 *
 * A checkpoint copies pages and calls fsync twice. On the connection that serves requests, as SQLite does it by itself,
 * that stopped the event loop for 70 to 230 ms under load; from a worker thread it does not.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import type { Log } from '@llama-stack/api'

/** Watches the length of the log. */
export interface Checkpointer extends AsyncDisposable {
  /** To be called after each commit. */
  afterCommit(): void
}

/** What a checkpointer works on. */
export interface CheckpointerOptions {
  readonly connection: DatabaseSync
  readonly path: string
  readonly log: Log
  /** Pages (4 KiB each) to be moved before the worker is asked. Default: 2,000. */
  readonly pageThreshold?: number
  /** Other processes write to the same log, and leave it to this one. Default: false. */
  readonly shared?: boolean
}

/**
 * A text and not a file, so that it needs no entry of its own in a bundle. The worker holds its own connection; SQLite
 * shares the locks of one process between its connections.
 */
const workerSource = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { DatabaseSync } = require('node:sqlite')
  const connection = new DatabaseSync(workerData.path, { timeout: 1000 })
  parentPort.on('message', (message) => {
    if (message === 'stop') {
      connection.close()
      parentPort.close()
      return
    }
    try {
      connection.exec('PRAGMA wal_checkpoint(PASSIVE)')
      if (message === 'restart') connection.exec('PRAGMA wal_checkpoint(RESTART)')
      parentPort.postMessage(null)
    } catch (error) {
      parentPort.postMessage(error.message)
    }
  })
`

const DEFAULT_PAGE_THRESHOLD = 2000
/** Counting the pages costs as much as a small commit (4 us), so it is not done after each. */
const COMMITS_PER_COUNT = 16
/**
 * A passive checkpoint lets writes go on, so under steady load the log is never wholly moved and never starts over. At
 * this many times the threshold the serving connection moves the small rest itself.
 */
const OVERDUE_FACTOR = 8
/** How often a shared log is looked at: this process may be the one that writes least. */
const SHARED_WATCH_MS = 250

/** Creates a checkpointer; its worker starts when the log first grows long, which on a quiet server is never. */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  const { connection, log, shared = false } = options
  const pageThreshold = options.pageThreshold ?? DEFAULT_PAGE_THRESHOLD
  // Counts pages without moving any.
  const count = connection.prepare('PRAGMA wal_checkpoint(NOOP)')
  let worker: Worker | undefined
  let running = false
  let ended = false
  let commits = 0

  const warn = (error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error)
    log.warn('Moving the write-ahead log into the database failed; it is tried again.', { reason })
  }

  const start = (): Worker => {
    const { Worker: Thread } = process.getBuiltinModule('node:worker_threads')
    const started = new Thread(workerSource, { eval: true, workerData: { path: options.path }, execArgv: [] })
    started.unref()
    started.on('message', (failure: string | null) => {
      running = false
      if (failure !== null) warn(failure)
    })
    started.on('error', warn)
    started.on('exit', () => {
      // Without a worker the overdue rule keeps the log in bounds.
      running = false
      ended = true
    })
    return started
  }

  const ask = (what: 'checkpoint' | 'restart'): void => {
    worker ??= start()
    running = true
    worker.postMessage(what)
  }

  const moveIfLong = (): void => {
    const pages = count.get()
    const written = Number(pages?.['log'])
    const waiting = written - Number(pages?.['checkpointed'])
    if (running || waiting === 0) return
    const isOverdue = written >= pageThreshold * OVERDUE_FACTOR
    // Between two turns of this loop others write on: only their lock lets the log start over, and the thread waits for it.
    if (isOverdue && shared && !ended) ask('restart')
    else if (isOverdue) connection.exec('PRAGMA wal_checkpoint(PASSIVE)')
    else if (waiting >= pageThreshold && !ended) ask('checkpoint')
  }

  const look = (): void => {
    try {
      moveIfLong()
    } catch (error) {
      // The commit stands; only the log stays long.
      warn(error)
    }
  }
  const watch = shared ? setInterval(look, SHARED_WATCH_MS).unref() : undefined

  return {
    afterCommit() {
      commits += 1
      if (commits % COMMITS_PER_COUNT === 0) look()
    },
    async [Symbol.asyncDispose]() {
      clearInterval(watch)
      if (worker === undefined || ended) return
      const exited = new Promise((resolve) => worker?.once('exit', resolve))
      worker.ref()
      worker.postMessage('stop')
      await exited
    },
  }
}
