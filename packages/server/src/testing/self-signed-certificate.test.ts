import { X509Certificate } from 'node:crypto'
import { connect, createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { makeSelfSignedCertificate } from './self-signed-certificate.ts'

test('a certificate vouches for its names and nobody else’s', () => {
  const { cert } = makeSelfSignedCertificate(['one.example', '127.0.0.1'])
  const read = new X509Certificate(cert)
  expect(read.checkHost('one.example')).toBe('one.example')
  expect(read.checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(read.checkHost('two.example')).toBeUndefined()
  expect(read.verify(read.publicKey)).toBe(true)
  expect(read.validFromDate < new Date() && new Date() < read.validToDate).toBe(true)
})

test('a client that trusts it gets through', async () => {
  const certificate = makeSelfSignedCertificate(['127.0.0.1'])
  const server = createServer(certificate, (socket) => socket.end('hello'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, ca: certificate.cert })
  const [data] = (await once(socket, 'data')) as [Buffer]
  expect(data.toString()).toBe('hello')
  socket.destroy()
  server.close()
})
