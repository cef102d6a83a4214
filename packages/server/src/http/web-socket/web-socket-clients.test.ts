import { OpenAI } from 'openai'
import { ResponsesWS } from 'openai/resources/responses/ws'
import type { ResponsesClientEvent } from 'openai/resources/responses/responses'
import { describe, expect, it } from 'vitest'
import { StackError } from '@llama-stack/api'
import { createSampleApp } from '../sample-app.ts'
import type { RespondOperation } from '../sample-app.ts'

const apiKey = 'key-for-the-test'

const respond: RespondOperation = ({ input, previous_response_id: previous }) => {
  if (previous !== undefined) {
    const details = { provider: 'p', reason: 'none', status: 400, vendorCode: 'previous_response_not_found' }
    return Promise.reject(new StackError('provider_invalid_request', details))
  }
  const events = (async function* () {
    yield { type: 'response.output_text.delta', sequence_number: 0, delta: input }
    yield { type: 'response.completed', sequence_number: 1, response: { id: 'resp_1' } }
  })()
  return Promise.resolve({ kind: 'events', events })
}

describe('the clients that people have', () => {
  it('openai: events, errors and another turn on one WebSocket', async () => {
    await using sample = createSampleApp({ respond, server: { apiKeys: [apiKey] } })
    const client = new OpenAI({ apiKey, baseURL: `${await sample.listen()}/v1` })
    const responses = new ResponsesWS(client)
    const heard: string[] = []
    responses.on('response.output_text.delta', ({ delta }) => heard.push(delta))
    responses.on('response.completed', ({ response }) => heard.push(response.id))
    responses.on('error', (failure) => heard.push(failure.message))
    const create: ResponsesClientEvent = { type: 'response.create', model: 'm', input: 'hi' }
    responses.send(create)
    responses.send({ ...create, previous_response_id: 'resp_0' })
    responses.send({ ...create, input: 'again' })
    await expect.poll(() => heard).toEqual(['hi', 'resp_1', expect.stringContaining('none'), 'again', 'resp_1'])
    responses.close()
    await expect.poll(() => sample.finished.map(({ status }) => status)).toEqual([200, 400, 200])
  })

  it("Node's own, as browsers have it", async () => {
    await using sample = createSampleApp({ respond })
    const webSocket = new WebSocket(`${(await sample.listen()).replace('http', 'ws')}/v1/responses`)
    const heard: unknown[] = []
    webSocket.addEventListener('message', ({ data }) => heard.push((JSON.parse(String(data)) as { type: string }).type))
    await new Promise((resolve) => webSocket.addEventListener('open', resolve))
    webSocket.send(JSON.stringify({ type: 'response.create', model: 'm', input: 'hi' }))
    await expect.poll(() => heard).toEqual(['response.output_text.delta', 'response.completed'])
    webSocket.close()
  })
})
