import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { BenchError } from './bench-error.ts'
import { readTreePids } from './process-tree.ts'

/** Below Linux's ephemeral range, so that no outgoing connection can sit on a chosen port. */
const lowestPort = 27_000
const highestPort = 32_000

/** A free port on the loopback interface, drawn at random from 27000 to 32000. */
export async function findFreePort(random: () => number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = lowestPort + Math.floor(random() * (highestPort - lowestPort))
    if (await canListen(port)) return port
  }
  throw new BenchError(`no free port between ${lowestPort} and ${highestPort}`)
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    // Without a host Node binds every interface, IPv6 included: only then no other program can be on the port.
    probe.listen(port, () => probe.close(() => resolve(true)))
  })
}

/** Inodes of the sockets that listen on the port, from `/proc/net/tcp` and `/proc/net/tcp6`. */
function readListeningInodes(port: number): Set<string> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
    readFileSync(path, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local?.endsWith(wanted) === true && state === '0A')
      .map((fields) => fields[9] ?? ''),
  )
  return new Set(inodes)
}

/** Inodes of the sockets that the process has open. */
export function readSocketInodes(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readLinkIfOpen(`/proc/${pid}/fd/${fd}`))?.[1]
      return inode === undefined ? [] : [inode]
    })
  } catch {
    // The process has ended.
    return []
  }
}

function readLinkIfOpen(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Whether someone listens on the port and every listener belongs to the process tree. */
export function isServedBy(port: number, rootPid: number): boolean {
  const listening = readListeningInodes(port)
  const owned = new Set(readTreePids(rootPid).flatMap(readSocketInodes))
  return listening.size > 0 && listening.isSubsetOf(owned)
}
