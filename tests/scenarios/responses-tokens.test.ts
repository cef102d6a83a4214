/** How long an input is, before it is sent. */
import { describe, expect, test } from 'vitest'
import { deadMcpUrl, startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { withResponses } from './responses-scene.ts'
import type { ResponseQuestion, ResponsesScene } from './responses-scene.ts'
import { says } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

async function count(scene: ResponsesScene, request: object) {
  const reply = await scene.call('POST /v1/responses/input_tokens', { model: 'vendor/gpt-4o', ...request })
  if (reply.status !== 200) throw new Error(`${reply.status}: ${await reply.text()}`)
  const { input_tokens: tokens, object } = (await reply.json()) as { input_tokens: number; object: string }
  expect(object).toBe('response.input_tokens')
  return { tokens, notice: reply.headers.get('x-llama-stack-notice') }
}

const lookup = {
  type: 'function',
  name: 'lookup',
  description: 'Looks a word up',
  parameters: { type: 'object', properties: { word: { type: 'string' } }, required: ['word'] },
}

describe.each(doors)('the tokens of an input, through the %s', (door) => {
  test('[B120] are those that OpenAI counts, and no model is asked', async () => {
    await withResponses({ door }, async (scene) => {
      // "Hello" is one token; a message costs three and its role, the reply begins with three.
      expect(await count(scene, { input: 'Hello' })).toEqual({ tokens: 8, notice: null })
      expect(await count(scene, { input: 'Hello', instructions: 'Hello' })).toEqual({ tokens: 13, notice: null })
      const { tokens } = await count(scene, { input: 'Hello', tools: [lookup] })
      expect(tokens).toBeGreaterThan(20)
      expect(scene.model.asked).toEqual([])
    })
  })

  test('[B120] are said to be an estimate for a model whose tokens nobody knows', async () => {
    await withResponses({ door }, async (scene) => {
      expect(await count(scene, { model: 'vendor/m1', input: 'Hello' })).toEqual({ tokens: 8, notice: 'estimate' })
    })
  })

  test('[B120] include what came before', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hello', says('Hello'))
      const { id } = await scene.ask({ input: 'Hello', model: 'vendor/gpt-4o' } as ResponseQuestion)
      expect(await count(scene, { input: 'Hello', previous_response_id: id })).toEqual({ tokens: 18, notice: null })
      const made = await scene.call('POST /v1/conversations', {
        items: [{ type: 'message', role: 'user', content: 'Hello' }],
      })
      const { id: conversation } = (await made.json()) as { id: string }
      expect(await count(scene, { conversation, input: 'Hello' })).toEqual({ tokens: 13, notice: null })
    })
  })

  test('[B120] include the tools of MCP servers, but not those of one that is dead or slow', async () => {
    await using server = await startMcpServer({ era: 'both' })
    await using slow = await startMcpServer({ era: 'both', delayMs: 3000 })
    const dead = await deadMcpUrl()
    const ask = (url: string) => ({
      input: 'Hello',
      tools: [{ type: 'mcp', server_label: 'kitchen', server_url: url, require_approval: 'never' }],
    })
    const near = { server: { port: 0, allowPrivateUrls: true } }
    await withResponses({ door, config: near }, async (scene) => {
      expect((await count(scene, ask(server.url))).tokens).toBeGreaterThan(30)
      expect(await count(scene, ask(dead))).toEqual({ tokens: 8, notice: null })
      expect(await count(scene, ask(slow.url))).toEqual({ tokens: 8, notice: 'estimate' })
    })
  })

  test('[B120] of an input that no response would be made of are refused in the same words', async () => {
    await withResponses({ door }, async (scene) => {
      const orphan = { input: [{ type: 'function_call_output', call_id: 'c1', output: 'x' }] }
      const reply = await scene.call('POST /v1/responses/input_tokens', { model: 'vendor/gpt-4o', ...orphan })
      const { message, ...told } = await scene.refusal(orphan)
      expect(reply.status).toBe(told.status)
      expect(await reply.json()).toMatchObject({ error: { code: told.code, param: told.param, message } })
      const unknown = await scene.call('POST /v1/responses/input_tokens', { model: 'nobody/none', input: 'Hello' })
      expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }])
    })
  })
})
