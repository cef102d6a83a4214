/**
 * Entry of a server that does nothing: `node bare-http-server.mjs <port>`. The floor for cold start and idle memory.
 *
 * Plain JavaScript, so that the stripping of types is not counted.
 */
import { createServer } from 'node:http'

createServer((_request, reply) => {
  reply.writeHead(200, { 'content-type': 'application/json' })
  reply.end('{"object":"chat.completion"}')
}).listen(Number(process.argv[2]), '127.0.0.1')
