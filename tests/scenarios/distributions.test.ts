import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../packages/server/src/config/load-config.ts'
import { createStack, servedProviderTypes } from '../../packages/server/src/stack.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const upstream = join(root, '../shared/distributions')
const there = existsSync(upstream)
if (!there) console.warn('SKIPPED: ../shared/distributions is absent, so upstream’s own files are not served')

const files = there
  ? readdirSync(upstream, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.yaml'))
      .toSorted()
  : []
const ours = ['starter', 'ci-tests', 'demo']

/** Starts a stack from a file or a name, with what the files require in the environment. Nothing is reachable. */
async function serve(source: string, check: (url: string) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'distribution-'))
  try {
    const config = await loadConfig({
      source,
      env: {
        SQLITE_STORE_DIR: home,
        INFERENCE_MODEL: 'model',
        SAFETY_MODEL: 'guard',
        DEH_URL: 'http://127.0.0.1:1',
        DEH_SAFETY_URL: 'http://127.0.0.1:1',
        NVIDIA_API_KEY: 'dummy',
      },
      cwd: home,
      home,
      servedTypes: servedProviderTypes(),
      distributionsDir: join(root, 'distributions'),
      overrides: { port: 0 },
    })
    await using stack = await createStack({ config, recordings: { mode: 'replay', directory: home } })
    const { url } = await stack.listen()
    await check(url)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

async function answers(url: string): Promise<void> {
  expect(await (await fetch(`${url}/v1/health`)).json()).toEqual({ status: 'OK' })
  expect((await fetch(`${url}/v1/models`)).status).toBe(200)
  const { data } = (await (await fetch(`${url}/v1/providers`)).json()) as { data: readonly object[] }
  expect(JSON.stringify(data)).not.toContain('"dummy"')
}

describe('our distributions', () => {
  test.each(ours)('%s serves', (name) => serve(name, answers))

  test('the demo answers without a key and without the internet', async () => {
    await serve('demo', async (url) => {
      const response = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'auto', messages: [{ role: 'user', content: 'Hello' }] }),
      })
      expect(response.headers.get('x-llama-stack-demo')).toBe('1')
      expect(await response.json()).toMatchObject({ choices: [{ message: { role: 'assistant' } }] })
    })
  })
})

describe.skipIf(!there)('upstream’s distributions [B023]', () => {
  test.each(files)('%s serves as it is', (file) => serve(join(upstream, file), answers))
})
