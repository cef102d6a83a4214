import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { chatChunks, chatReply, doors, withStack } from './stack-under-test.ts'

const recordings = join(dirname(fileURLToPath(import.meta.url)), '../../../shared/recordings')
const there = existsSync(recordings)
if (!there) console.warn('SKIPPED: ../shared/recordings is absent, so upstream’s own recordings are not replayed')

interface Recording {
  readonly request: { readonly url: string; readonly endpoint: string; readonly body: Record<string, unknown> & { model: string } }
  readonly response: { readonly body: Wrapped | readonly Wrapped[]; readonly is_streaming: boolean }
}
interface Wrapped {
  readonly __data__: Record<string, unknown>
}

const together = there
  ? readdirSync(join(recordings, 'llama-stack'))
      .filter((file) => file.endsWith('.json'))
      .map((file) => ({ file, ...(JSON.parse(readFileSync(join(recordings, 'llama-stack', file), 'utf8')) as Recording) }))
      .filter(({ request }) => request.url.includes('api.together.xyz'))
  : []

const config = {
  providers: [
    { api: 'inference', id: 'together', type: 'remote::together', config: { url: 'https://api.together.xyz/v1', api_key: 'dummy' } },
  ],
}

describe.skipIf(!there)('the recordings of Together, replayed with the OpenAI SDK [B016]', () => {
  test.each(doors)('come back through the %s, every one, chunk for chunk', async (door) => {
    const more = { recordings: { mode: 'replay' as const, directory: recordings } }
    await withStack({ door, config, more }, async ({ url, fetch }) => {
      const client = new OpenAI({ baseURL: `${url}/v1/openai/v1`, apiKey: 'none', fetch, maxRetries: 0 })
      expect(together.length).toBeGreaterThan(30)
      for (const { file, request, response } of together) {
        const path = request.endpoint.replace('/v1', '')
        const body = { ...request.body, model: `together/${request.body.model}` }
        if (response.is_streaming) {
          const chunks: unknown[] = []
          const stream = await client.post(path, { body, stream: true })
          // The SDK's generic method does not know what it streams.
          for await (const chunk of stream as AsyncIterable<unknown>) chunks.push(chunk)
          const recorded = (response.body as readonly Wrapped[]).map(({ __data__: data }) => data)
          expect(chunks, file).toEqual(recorded)
        } else {
          const reply = await client.post(path, { body })
          expect(reply, file).toMatchObject(wanted(request, (response.body as Wrapped).__data__))
        }
      }
    })
  })

  test('[B028] the first recording of all streams its tool call through OGX’s path', async () => {
    const more = { recordings: { mode: 'replay' as const, directory: recordings } }
    await withStack({ config, more }, async ({ url }) => {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })
      const stream = await client.chat.completions.create({
        model: 'together/meta-llama/Llama-3.3-70B-Instruct-Turbo-Free',
        messages: [{ role: 'user', content: "What's the weather in Tokyo?" }],
        response_format: { type: 'text' },
        stream: true,
      })
      let content = ''
      for await (const chunk of stream) content += chunk.choices[0]?.delta.content ?? ''
      expect(content).toBe('{"type": "function", "name": "get_weather", "parameters": {"city": "Tokyo"}}')
    })
  })

  test('a request that nobody recorded says what was wanted and what is near', async () => {
    const more = { recordings: { mode: 'replay' as const, directory: recordings } }
    await withStack({ config, more }, async ({ call }) => {
      const response = await call('POST /v1/chat/completions', {
        model: 'together/meta-llama/Llama-3.3-70B-Instruct-Turbo-Free',
        messages: [{ role: 'user', content: "What's the weather in Oslo?" }],
        response_format: { type: 'text' },
        stream: true,
      })
      expect(response.status).toBe(500)
      const { error } = (await response.json()) as { error: { code: string; message: string } }
      expect(error.code).toBe('recording_not_found')
      expect(error.message).toMatch(/Oslo/)
      expect(error.message).toMatch(/Tokyo/)
    })
  })
})

/** What the server makes of a recorded object: unknown usage is -1 for Together, no tool calls are null, as upstream has it. */
function wanted(request: Recording['request'], data: Record<string, unknown>): unknown {
  if (request.endpoint === '/v1/embeddings') {
    return { ...data, usage: data['usage'] ?? { prompt_tokens: -1, total_tokens: -1 } }
  }
  return JSON.parse(JSON.stringify(data).replaceAll('"tool_calls":[]', '"tool_calls":null')) as unknown
}

describe('what is recorded [B017]', () => {
  test.each([true, false])('replays as the same bytes (stream: %s)', async (stream) => {
    const directory = mkdtempSync(join(tmpdir(), 'recordings-'))
    const ask = { model: 'vendor/m1', messages: [{ role: 'user', content: 'Hi' }], stream }
    const headers = { 'x-ogx-provider-data': JSON.stringify({ __test_id: 'tests/integration/x/test_a.py::test_b' }) }
    const route = 'POST /v1/chat/completions'
    const routes = { [route]: stream ? { events: chatChunks(['Hel', 'lo']) } : { json: chatReply } }
    const replies: string[] = []
    try {
      for (const mode of ['record', 'replay', 'replay'] as const) {
        await withStack({ routes: mode === 'record' ? routes : {}, more: { recordings: { mode, directory } } }, async ({ call, upstream }) => {
          const response = await call(route, ask, headers)
          expect(response.status).toBe(200)
          replies.push(await response.text())
          expect(upstream.requests.filter(({ method }) => method === 'POST')).toHaveLength(mode === 'record' ? 1 : 0)
        })
      }
      expect(replies[1]).toBe(replies[0])
      expect(replies[2]).toBe(replies[0])
      expect(replies[0]).toContain(stream ? '[DONE]' : 'Hello!')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
