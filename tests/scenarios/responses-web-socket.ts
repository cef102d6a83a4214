/** The Responses API over a WebSocket. */
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import type { ResponsesScene } from './responses-scene.ts'

type Message = Readonly<Record<string, unknown>>

/** A client that keeps what it hears. */
export async function openWebSocket({ url }: Pick<ResponsesScene, 'url'>, path = '/v1/responses') {
  const webSocket = new WebSocket(url.replace(/^http/, 'ws') + path)
  const heard: Message[] = []
  webSocket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Message))
  await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject))
  return {
    /** Sends a request and resolves with its events, the last included. */
    async ask(fields: object): Promise<readonly Message[]> {
      const start = heard.length
      webSocket.send(JSON.stringify({ type: 'response.create', model: 'vendor/m1', ...fields }))
      const isOver = ({ type }: Message): boolean =>
        /^(error|response\.(completed|incomplete|failed))$/.test(String(type))
      await expect.poll(() => heard.slice(start).some(isOver), { timeout: 5000 }).toBe(true)
      return heard.slice(start)
    },
    heard,
    close: () => webSocket.close(),
    [Symbol.dispose]: () => webSocket.terminate(),
  }
}
