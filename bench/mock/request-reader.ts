/** A request as the raw-socket servers of the bench need it. */
export type PlainRequest = {
  readonly method: string
  readonly target: string
  readonly body: string
  readonly bytes: Buffer
}

/** Collects the bytes of a connection into requests. */
export type RequestReader = { push(bytes: Buffer): void }

const headEnd = Buffer.from('\r\n\r\n')

/**
 * Creates a reader for requests that carry a Content-Length.
 *
 * It is meant for our own well-behaved clients on the loopback interface: chunked requests are not understood.
 */
export function createRequestReader(onRequest: (request: PlainRequest) => void): RequestReader {
  let pending: Buffer = Buffer.alloc(0)
  return {
    push(bytes) {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes])
      for (;;) {
        const taken = findRequest(pending)
        if (taken === undefined) return
        pending = pending.subarray(taken.bytes.length)
        onRequest(taken)
      }
    },
  }
}

function findRequest(pending: Buffer): PlainRequest | undefined {
  const end = pending.indexOf(headEnd)
  if (end < 0) return undefined
  const head = pending.toString('latin1', 0, end)
  const length = Number(/\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1] ?? 0)
  const bodyStart = end + headEnd.length
  if (pending.length < bodyStart + length) return undefined
  const [method = '', target = ''] = head.slice(0, head.indexOf('\r\n')).split(' ')
  return {
    method,
    target,
    body: pending.toString('utf8', bodyStart, bodyStart + length),
    bytes: pending.subarray(0, bodyStart + length),
  }
}
