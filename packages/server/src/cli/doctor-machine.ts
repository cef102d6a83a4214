/** What `llama doctor` says of the machine: Node, memory, data folder, port. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import { dirname } from 'node:path'
import type { CommandContext } from './command.ts'
import type { Check, DoctorOptions } from './doctor.ts'
import { defaultDataDir, fromHomePath, toHomePath } from './home-path.ts'
import { formatBytes } from './progress.ts'
import { findSurroundings } from './surroundings.ts'

/** Checks what a server needs of the machine. */
export async function checkMachine(options: DoctorOptions, context: CommandContext): Promise<readonly Check[]> {
  const { node } = process.versions
  const place = { machine: '', container: ', in a container', ci: ', in CI' }[findSurroundings(context.env)]
  const system = `${process.platform}-${process.arch}, ${availableParallelism()} CPUs, ${formatBytes(totalmem())}${place}`
  return [
    { area: 'machine', name: 'system', status: 'ok', message: system },
    // An older Node never comes this far: main.ts has refused it.
    { area: 'machine', name: 'node', status: 'ok', message: `${node} (${process.execPath})` },
    await checkDataDir(options, context),
    await checkPort(options, context),
  ]
}

async function checkDataDir({ data }: DoctorOptions, context: CommandContext): Promise<Check> {
  const path = data === undefined ? defaultDataDir(context.home) : fromHomePath(data, context)
  const shown = toHomePath(path, context.home)
  const name = 'data folder'
  const existing = await findExisting(path)
  const isWritable = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!isWritable) {
    const message = `${shown} cannot be written: ${toHomePath(existing, context.home)} belongs to somebody else`
    return {
      area: 'machine',
      name,
      status: 'failed',
      message,
      fix: 'choose another with --data DIR or LLAMA_STACK_DATA',
    }
  }
  const message = existing === path ? shown : `${shown}, made at the first start`
  return { area: 'machine', name, status: 'ok', message }
}

/** The path itself, or the closest folder above it that is there. */
async function findExisting(path: string): Promise<string> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  const parent = dirname(path)
  return isThere || parent === path ? path : findExisting(parent)
}

async function checkPort({ port }: DoctorOptions, context: CommandContext): Promise<Check> {
  const name = 'port'
  const reason = await findBindFailure(port)
  if (reason === undefined) return { area: 'machine', name, status: 'ok', message: `${port} is free` }
  if (reason !== 'EADDRINUSE') {
    const fix = `choose another: llama --port ${port < 1024 ? 8321 : port + 1}`
    return { area: 'machine', name, status: 'failed', message: `${port} cannot be bound (${reason})`, fix }
  }
  const url = `http://127.0.0.1:${port}`
  const answer = await context.fetch(`${url}/v1/version`, { signal: AbortSignal.timeout(500) }).catch(() => undefined)
  await answer?.body?.cancel()
  if (answer?.ok === true)
    return { area: 'machine', name, status: 'ok', message: `${port} is served by a Llama Stack already` }
  const fix = `stop the program that has it, or: llama --port ${port + 1}`
  return { area: 'machine', name, status: 'warning', message: `${port} is taken by another program`, fix }
}

/** Binds the port for a moment; the code of the failure, or undefined. */
function findBindFailure(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
