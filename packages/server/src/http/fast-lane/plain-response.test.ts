import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Outbox } from '../../kernel/outbox.ts'
import { Scratch } from '../../kernel/scratch.ts'
import { PlainResponse } from './plain-response.ts'

/** Runs with the server's end of a connection, and the client's. */
async function withConnection(run: (server: Socket, client: Socket) => Promise<void>): Promise<void> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [server] = (await once(listener, 'connection')) as [Socket]
  try {
    await run(server, client)
  } finally {
    client.destroy()
    server.destroy()
    listener.close()
  }
}

/** A response on the socket, and what was reported of it. */
function openResponse(socket: Socket) {
  const completed: PlainResponse[] = []
  const response = new PlainResponse({
    socket,
    commonHead: 'date: today\r\n',
    outbox: new Outbox(),
    scratch: new Scratch(),
    onComplete: (done) => completed.push(done),
  })
  return { response, completed }
}

test('a reply of known length leaves at the end of the turn, and is complete then', async () => {
  await withConnection(async (server, client) => {
    const { response, completed } = openResponse(server)
    response.writeHead(200, { 'content-length': '5' }).end('näh!')
    expect([response.writableEnded, server.bytesWritten, completed]).toEqual([true, 0, []])
    await nextTurn()
    expect(completed).toEqual([response])
    const [bytes] = (await once(client, 'data')) as [Buffer]
    expect(bytes.toString()).toBe('HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndate: today\r\n\r\nnäh!')
  })
})

test('what a stream says last leaves in one piece with its end', async () => {
  await withConnection(async (server, client) => {
    const { response, completed } = openResponse(server)
    response.writeHead(200, {})
    response.writeText('a')
    response.write('ö')
    response.end('z')
    response.end('never')
    expect([response.writableEnded, response.write('never'), server.bytesWritten]).toEqual([true, true, 0])
    await nextTurn()
    expect([response.writableEnded, completed]).toEqual([true, [response]])
    const [bytes] = (await once(client, 'data')) as [Buffer]
    expect(bytes.toString()).toMatch(/\r\n\r\n4\r\naöz\r\n0\r\n\r\n$/)
  })
})

test('a reply whose client left in the same turn is not written', async () => {
  await withConnection(async (server) => {
    const { response, completed } = openResponse(server)
    response.writeHead(200, { 'content-length': '2' }).end('ok')
    server.destroy()
    await nextTurn()
    expect([server.bytesWritten, completed]).toEqual([0, [response]])
  })
})
