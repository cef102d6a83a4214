import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import { sendOnce } from '../harness/http-once.ts'
import { findFreePort } from '../harness/listeners.ts'
import { toNginxMockConfig } from './nginx-files.ts'
import { controlPaths, type MockMode, type MockState } from './mode.ts'
import type { VendorCounts, VendorsJob } from './vendors-mock-server.ts'

/** A mock upstream that runs. */
export type RunningMock = AsyncDisposable & { readonly port: number; readonly pid: number }

/** Starts the nginx mock: the fixed JSON reply, at next to no cost. */
export async function createJsonMock(bench: Bench): Promise<RunningMock> {
  const port = await findFreePort(bench.random)
  const config = join(bench.scratch, 'nginx-mock.conf')
  writeFileSync(config, toNginxMockConfig(bench.scratch, port))
  const args = ['-c', config, '-g', 'daemon off;']
  const running = await bench.supervisor.startServer({ name: 'mock nginx', command: 'nginx', args }, port)
  return { port, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** Starts the Node mock, which streams. */
export async function createStreamMock(bench: Bench): Promise<RunningMock> {
  const port = await findFreePort(bench.random)
  const args = [join(import.meta.dirname, 'stream-mock-server.ts'), String(port)]
  const running = await bench.supervisor.startServer({ name: 'mock streams', command: process.execPath, args }, port)
  return { port, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** Tells the Node mock how to stream from now on. */
export async function setMockMode(mock: RunningMock, mode: MockMode): Promise<void> {
  await sendOnce({ port: mock.port, path: `${controlPaths.mode}?${encodeURIComponent(JSON.stringify(mode))}` })
}

/** Asks the Node mock about its connections. */
export async function readMockState(mock: RunningMock): Promise<MockState> {
  const { body } = await sendOnce({ port: mock.port, path: controlPaths.state })
  // The mock is ours and writes exactly this type.
  return JSON.parse(body) as MockState
}

/** Starts an MCP server with one tool. */
export async function createMcpEcho(bench: Bench): Promise<RunningMock> {
  const port = await findFreePort(bench.random)
  const args = [join(import.meta.dirname, 'mcp-echo-server.ts'), String(port)]
  const running = await bench.supervisor.startServer({ name: 'mcp echo', command: process.execPath, args }, port)
  return { port, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** Starts vendors of which some fail, on ports that the job names. */
export async function createVendors(bench: Bench, job: VendorsJob): Promise<RunningMock> {
  const args = [join(import.meta.dirname, 'vendors-mock-server.ts'), JSON.stringify(job)]
  const running = await bench.supervisor.startServer({ name: 'vendors', command: process.execPath, args }, job.port)
  return { port: job.port, pid: running.pid, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() }
}

/** Asks the vendors how often each was called. */
export async function readVendorCounts(vendors: RunningMock): Promise<VendorCounts> {
  const { body } = await sendOnce({ port: vendors.port, path: controlPaths.state })
  // The vendors are ours and write exactly this type.
  return JSON.parse(body) as VendorCounts
}
