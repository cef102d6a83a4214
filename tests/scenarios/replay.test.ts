import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bug } from '@llama-stack/api'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { chatChunks, chatReply, doors, withStack } from './stack-under-test.ts'

const recordings = join(dirname(fileURLToPath(import.meta.url)), '../../../shared/recordings')
const there = existsSync(recordings)
if (!there) console.warn('SKIPPED: ../shared/recordings is absent, so upstream’s own recordings are not replayed')

interface Recording {
  readonly request: {
    readonly url: string
    readonly endpoint: string
    readonly body: Record<string, unknown> & { model: string }
  }
  readonly response: { readonly body: Wrapped | readonly Wrapped[]; readonly is_streaming: boolean }
}
interface Wrapped {
  readonly __data__: Record<string, unknown>
}

/** Who was asked, by the beginning of the recorded URL. */
const vendors = [
  {
    url: 'https://api.together.xyz/v1/',
    id: 'together',
    config: { url: 'https://api.together.xyz/v1' },
    reachable: 29,
  },
  {
    url: 'https://api.cerebras.ai/v1/',
    id: 'cerebras',
    config: { base_url: 'https://api.cerebras.ai' },
    reachable: 10,
  },
  {
    url: 'https://shan-mfbb618r',
    id: 'azure',
    config: { base_url: 'https://any.openai.azure.com/openai/v1' },
    reachable: 10,
  },
  { url: 'http://localhost:8080/v1/', id: 'llama-cpp-server', config: {}, reachable: 10 },
  { url: 'http://0.0.0.0:11434/v1/', id: 'ollama', config: { url: 'http://0.0.0.0:11434' }, reachable: 59 },
  { url: '__databricks__/', id: 'databricks', config: { url: 'https://any.cloud.databricks.com' }, reachable: 15 },
]

const completions = new Set(['/v1/chat/completions', '/v1/completions', '/v1/embeddings'])

const all = there
  ? readdirSync(join(recordings, 'llama-stack'))
      .filter((file) => file.endsWith('.json'))
      .map((file) => ({
        file,
        ...(JSON.parse(readFileSync(join(recordings, 'llama-stack', file), 'utf8')) as Recording),
      }))
      .filter(({ request }) => completions.has(request.endpoint))
      // Upstream's routers fill in `encoding_format`: recordings without it are older, and no request reaches them.
      .filter(({ request }) => request.endpoint !== '/v1/embeddings' || 'encoding_format' in request.body)
      // Of an older recorder, which noted some chats under the path of completions.
      .filter(({ request }) => request.endpoint !== '/v1/completions' || 'prompt' in request.body)
  : []

/** Of two recordings of one request, the newer shape (`extra_body: {}`) is the one that is found. */
const newer = new Set(all.filter(({ request }) => 'extra_body' in request.body).map(({ request }) => sayOnly(request)))

function sayOnly({ body: { extra_body: _extra, ...said } }: Recording['request']): string {
  return JSON.stringify(Object.entries(said).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function configOf({ id, config }: (typeof vendors)[number]) {
  const key =
    id === 'databricks'
      ? { api_token: 'dummy' }
      : id === 'ollama' || id === 'llama-cpp-server'
        ? {}
        : { api_key: 'dummy' }
  return { providers: [{ api: 'inference', id, type: `remote::${id}`, config: { ...config, ...key } }] }
}
const config = configOf(vendors[0] ?? bug('there is a first vendor'))

describe.skipIf(!there)('upstream’s recordings, replayed with the OpenAI SDK [B016]', () => {
  describe.each(doors)('through the %s', (door) => {
    test.each(vendors)('come back for $id, every one, chunk for chunk', async (vendor) => {
      const more = { recordings: { mode: 'replay' as const, directory: recordings } }
      await withStack({ door, config: configOf(vendor), more }, async ({ url, fetch }) => {
        const client = new OpenAI({ baseURL: `${url}/v1/openai/v1`, apiKey: 'none', fetch, maxRetries: 0 })
        const own = all.filter(
          ({ request }) =>
            request.url.startsWith(vendor.url) && ('extra_body' in request.body || !newer.has(sayOnly(request))),
        )
        expect(own).toHaveLength(vendor.reachable)
        for (const { file, request, response } of own) {
          const path = request.endpoint.replace('/v1', '')
          const { extra_body: _extra, ...said } = request.body
          const body = { ...said, model: `${vendor.id}/${request.body.model}` }
          const recorded = Array.isArray(response.body)
            ? (response.body as readonly Wrapped[]).map(({ __data__: data }) => data)
            : [wanted(request, (response.body as Wrapped).__data__)]
          const got = await collect(client, { path, body, stream: response.is_streaming })
          expect(got.map(withoutId(vendor.id)), file).toEqual(recorded.map(withoutId(vendor.id)))
        }
      })
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

  test('no key is needed where no call goes out', async () => {
    const more = { recordings: { mode: 'replay' as const, directory: recordings } }
    const keyless = { providers: [{ api: 'inference', id: 'together', type: 'remote::together', config: {} }] }
    await withStack({ config: keyless, more }, async ({ call, stack }) => {
      expect(stack.providers.map(({ off }) => off)).toEqual([undefined])
      const response = await call('POST /v1/chat/completions', {
        model: 'together/meta-llama/Llama-3.3-70B-Instruct-Turbo-Free',
        messages: [{ role: 'user', content: "What's the weather in Tokyo?" }],
        response_format: { type: 'text' },
        stream: true,
      })
      expect([response.status, await response.text()]).toMatchObject([200, expect.stringMatching(/\[DONE\]\n\n$/)])
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

/** All chunks of a streamed reply, or the one reply. */
async function collect(client: OpenAI, call: { path: string; body: object; stream: boolean }): Promise<unknown[]> {
  const { path, body, stream } = call
  if (!stream) return [await client.post(path, { body })]
  const chunks: unknown[] = []
  // The SDK's generic method does not know what it streams.
  for await (const chunk of (await client.post(path, { body, stream: true })) as AsyncIterable<unknown>)
    chunks.push(chunk)
  return chunks
}

function toBase64(embedding: unknown): unknown {
  return Array.isArray(embedding)
    ? Buffer.from(Float32Array.from(embedding as number[]).buffer).toString('base64')
    : embedding
}

/** Ollama repeats its ids, so upstream and we replace them. */
function withoutId(vendor: string): (reply: unknown) => object {
  return (reply) => (vendor === 'ollama' ? { ...(reply as object), id: 'any' } : (reply as object))
}

/** What the server makes of a recorded object: unknown usage is -1 for Together, no tool calls are null, as upstream has it. */
function wanted(request: Recording['request'], data: Record<string, unknown>): unknown {
  if (request.endpoint === '/v1/embeddings') {
    if (request.body['encoding_format'] === 'base64') {
      // Databricks ignores the wish for base64; the client gets what it asked for all the same.
      const list = (data['data'] as Record<string, unknown>[]).map((entry) => ({
        ...entry,
        embedding: toBase64(entry['embedding']),
      }))
      return { ...data, data: list, usage: data['usage'] ?? { prompt_tokens: -1, total_tokens: -1 } }
    }
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
        await withStack(
          { routes: mode === 'record' ? routes : {}, more: { recordings: { mode, directory } } },
          async ({ call, upstream }) => {
            const response = await call(route, ask, headers)
            expect(response.status).toBe(200)
            replies.push(await response.text())
            expect(upstream.requests.filter(({ method }) => method === 'POST')).toHaveLength(mode === 'record' ? 1 : 0)
          },
        )
      }
      expect(replies[1]).toBe(replies[0])
      expect(replies[2]).toBe(replies[0])
      expect(replies[0]).toContain(stream ? '[DONE]' : 'Hello!')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
