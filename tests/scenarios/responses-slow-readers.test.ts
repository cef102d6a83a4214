/** Clients that read more slowly than a model answers. */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { readEvents, withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { streams } from './scripted-model.ts'

/** Reads a stream with pauses, from a socket whose buffers are soon full. */
function readSlowly({ url }: ResponsesScene, path: string, body?: object): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const sent = request(url + path, { method, headers: { 'content-type': 'application/json' } }, (reply) => {
      const chunks: Buffer[] = []
      const read = async (): Promise<string[]> => {
        await sleep(300)
        for await (const chunk of reply) {
          chunks.push(chunk as Buffer)
          if (chunks.length % 40 === 0) await sleep(2)
        }
        return readEvents(new Response(Buffer.concat(chunks)))
      }
      read().then(resolve, reject)
    })
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}

test('[B090] they get every event, as it comes and afterwards, and nothing piles up for them', async () => {
  const warnings: string[] = []
  const warn = ({ message }: Error): number => warnings.push(message)
  process.on('warning', warn)
  onTestFinished(() => void process.off('warning', warn))
  await withResponses({ door: 'socket' }, async (scene) => {
    const content = `${'ä'.repeat(500)}${'x'.repeat(1000)}`
    scene.model.answers('Go', streams(Array.from({ length: 1500 }, () => ({ delta: { content } }))))
    const texts = await readSlowly(scene, '/v1/responses', { model: 'vendor/m1', input: 'Go', stream: true })
    const numbers = texts.map((text) => (JSON.parse(text) as { sequence_number: number }).sequence_number)
    expect(numbers).toEqual(numbers.map((_, index) => index))
    const { response } = JSON.parse(texts.at(-1) ?? '') as { response: { id: string; output: object[] } }
    expect(response.output).toMatchObject([{ content: [{ text: content.repeat(1500) }] }])
    expect(await readSlowly(scene, `/v1/responses/${response.id}?stream=true`)).toEqual(texts)
  })
  expect(warnings).toEqual([])
})
