/**
 * Entry of vendors that fail: `node vendors-mock-server.ts <VendorsJob as JSON>`.
 *
 * The first folder of a path names the vendor. One whose name begins with `weak` meets half of its calls with a fault, the
 * others answer. Who connects to the mute port hears nothing, as on a connection whose other half is gone.
 */
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { wireFaults, type FaultyReply, type WireFaultName } from '../../packages/server/src/testing/faults.ts'
import { createRandom } from '../harness/statistics.ts'
import { floodUser } from './bodies.ts'
import { toChunkFrame, writeFlood } from './flood.ts'
import { controlPaths } from './mode.ts'
import { createRequestReader, type PlainRequest } from './request-reader.ts'
import { createStreamPacer, type PacedStream, type StreamPacer } from './stream-pacer.ts'
import { toVendorReply, vendorStreamEvents } from './vendor-replies.ts'

/** A fault of the wire, or a connection that is reset a moment after a good reply. */
export type VendorFault = WireFaultName | 'resets when idle'

/** Where to listen and how to fail. */
export type VendorsJob = {
  readonly port: number
  readonly mutePort?: number
  /** What a weak vendor does to half of its calls. */
  readonly faults: readonly VendorFault[]
  /** The pause between two events of a stream. */
  readonly intervalMs: number
  readonly seed: number
}

/** How often each vendor was called, listings of models left out. */
export type VendorCounts = Readonly<Record<string, number>>

const idleResetMs = 20

type Vendors = {
  readonly job: VendorsJob
  readonly random: () => number
  readonly pacer: StreamPacer
  readonly counts: Record<string, number>
  replies: number
}

function sendWell({ job, pacer }: Vendors, socket: Socket, reply: FaultyReply): void {
  const { head, pieces, streamed } = reply
  if (!streamed) {
    const text = pieces.join('')
    socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
    return
  }
  const frames = [...pieces.map(toChunkFrame), Buffer.from('0\r\n\r\n')]
  socket.write(toStreamHead(reply))
  const onClose = (): void => pacer.remove(stream)
  const onEnd = (): void => void socket.off('close', onClose)
  const { intervalMs } = job
  const stream: PacedStream = { socket, frames, intervalMs, onEnd, next: 0, dueMs: performance.now() }
  socket.once('close', onClose)
  pacer.add(stream)
}

function toStreamHead({ head }: FaultyReply): string {
  return `${head}\r\ntransfer-encoding: chunked\r\n\r\n`
}

type Meeting = { readonly socket: Socket; readonly reply: FaultyReply; readonly fault: VendorFault }

async function meet(vendors: Vendors, { socket, reply, fault }: Meeting): Promise<void> {
  if (fault !== 'resets when idle') {
    await wireFaults[fault]({ socket, reply, signal: new AbortController().signal })
    return
  }
  sendWell(vendors, socket, reply)
  await sleep((reply.streamed ? (vendorStreamEvents + 3) * vendors.job.intervalMs : 0) + idleResetMs)
  socket.resetAndDestroy()
}

function answer(vendors: Vendors, socket: Socket, request: PlainRequest): void {
  const { job, random, counts } = vendors
  if (request.target === controlPaths.state) {
    const body = JSON.stringify(counts satisfies VendorCounts)
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    return
  }
  const [, vendor = '', path = ''] = /^\/(\w+)\/v1(\/[\w/]+)/.exec(request.target) ?? []
  if (path !== '/models') counts[vendor] = (counts[vendor] ?? 0) + 1
  vendors.replies += 1
  const reply = toVendorReply(path, request.body, vendors.replies)
  const isFaulty = vendor.startsWith('weak') && random() < 0.5
  const fault = isFaulty ? job.faults[Math.floor(random() * job.faults.length)] : undefined
  if (fault !== undefined) void meet(vendors, { socket, reply, fault })
  else if (request.body.includes(floodUser)) {
    socket.write(toStreamHead(reply))
    writeFlood(socket, () => {})
  } else sendWell(vendors, socket, reply)
}

function listen(port: number, onConnection: (socket: Socket) => void): void {
  const server = createServer({ noDelay: true }, (socket) => {
    onConnection(socket)
    // A reset is half of what this server is about.
    socket.on('error', () => {})
  })
  server.listen({ port, host: '127.0.0.1' })
}

function main(job: VendorsJob): void {
  const vendors: Vendors = { job, random: createRandom(job.seed), pacer: createStreamPacer(), counts: {}, replies: 0 }
  listen(job.port, (socket) => {
    const reader = createRequestReader((request) => answer(vendors, socket, request))
    socket.on('data', (bytes) => reader.push(bytes))
  })
  if (job.mutePort !== undefined) listen(job.mutePort, (socket) => socket.resume())
}

// The harness writes this argument itself, from a VendorsJob.
main(JSON.parse(process.argv[2] ?? '') as VendorsJob)
