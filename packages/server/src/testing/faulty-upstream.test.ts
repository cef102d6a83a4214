import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { createFaultyUpstream, faultNames } from './faulty-upstream.ts'

/** Sends one request on a raw socket and reads what comes until the other side is done. */
async function ask(url: string, body = '{}'): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(head + body)
  let text = ''
  socket.on('data', (bytes) => (text += bytes.toString()))
  socket.on('error', () => undefined)
  // Some faults never end.
  setTimeout(() => socket.destroy(), 150)
  // Not `once` of node:events: a reset is an outcome here.
  await new Promise((resolve) => socket.once('close', resolve))
  return text
}

test('every fault has a name of its own, and its server is gone when it is disposed', async () => {
  expect(new Set(faultNames).size).toBe(faultNames.length)
  for (const fault of faultNames) {
    const upstream = await createFaultyUpstream(fault)
    if (new URL(upstream.url).hostname === '127.0.0.1') await ask(upstream.url)
    await upstream[Symbol.asyncDispose]()
    expect([fault, upstream.connections]).toEqual([fault, 0])
  }
})

test('a fault shows where its name says', async () => {
  await using withinHeaders = await createFaultyUpstream('stalls within the headers')
  expect(await ask(withinHeaders.url)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^\r]+$/)
  await using withinStream = await createFaultyUpstream('resets within the stream')
  const text = await ask(withinStream.url, '{"stream":true}')
  expect(text.match(/data: /g)).toHaveLength(3)
  expect(text).not.toContain('[DONE]')
  expect(withinStream.accepted).toBe(1)
})
