/** `llama models pull owner/name`: from a scripted hub to a model that answers. */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PACKAGES_FOLDER_VARIABLE, toInstallCommand } from '../kernel/optional-package.ts'
import { onnxRuntimePackage } from '../providers/inference/_onnx-runtime.ts'
import { createStack } from '../stack.ts'
import { describeWithPackage, optionalPackagesFolder } from '../testing/optional-package-case.ts'
import { runCommand } from '../testing/run-command.ts'
import type { FinishedCommand } from '../testing/run-command.ts'
import { createScriptedUpstream } from '../testing/scripted-upstream.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedUpstream } from '../testing/scripted-upstream.ts'
import { tinyCrossEncoderFiles, tinyEmbeddingFiles } from '../testing/tiny-onnx-models.ts'
import { findOnnxId } from './onnx-name.ts'

const GRAPH = 'onnx/model.onnx'
/** Large enough for a bar, and for a connection that breaks off within it. */
const WEIGHTS = 'onnx/model.onnx_data'
const weights = Buffer.alloc(1_500_000, 'weights')

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'onnx-pull-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const toBytes = (content: object): Buffer =>
  Buffer.from(content instanceof Uint8Array ? content : JSON.stringify(content))

interface HubOptions {
  /** How many bytes of a file come before its connection breaks off, by path; each time it is asked for. */
  readonly cutAfter?: Readonly<Record<string, number>>
  readonly refuses?: (request: ScriptedRequest) => boolean
  /** What the hub states as the checksum of each large file, where it is not the right one. */
  readonly checksum?: string
}

/** A hub with one model: its list of files, and the files with ranges and tags. */
function createHub(model: string, files: Readonly<Record<string, object>>, options: HubOptions = {}) {
  const siblings = Object.entries(files).map(([rfilename, content]) => {
    const bytes = toBytes(content)
    const sha256 = options.checksum ?? createHash('sha256').update(bytes).digest('hex')
    const lfs = rfilename.includes('.onnx') ? { lfs: { sha256, size: bytes.length } } : {}
    return { rfilename, size: bytes.length, ...lfs }
  })
  const serve = (request: ScriptedRequest): ScriptedReply => {
    const { path, headers } = request
    if (options.refuses?.(request) === true) return { status: 403, text: 'Access to this model is restricted.' }
    if (path === `/api/models/${model}?blobs=true`) return { json: { sha: 'c0ffee', siblings } }
    const name = path.replace(`/${model}/resolve/c0ffee/`, '')
    const content = files[name]
    if (content === undefined) return { status: 404, text: 'Entry not found' }
    const bytes = toBytes(content)
    const start = Number(/\d+/.exec(headers['range'] ?? '')?.[0] ?? 0)
    const rest = bytes.subarray(start)
    const head = {
      status: start > 0 ? 206 : 200,
      headers: {
        etag: `"${name}"`,
        'content-length': String(rest.length),
        ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
      },
    }
    const cutAfter = options.cutAfter?.[name]
    if (cutAfter === undefined || cutAfter >= rest.length) return { ...head, bytes: rest }
    return { ...head, frames: [rest.subarray(0, cutAfter), rest.subarray(cutAfter)], resetAfter: 1 }
  }
  return createScriptedUpstream({ handler: serve })
}

function pull(model: string, hub: ScriptedUpstream): Promise<FinishedCommand> {
  return runCommand(['models', 'pull', model], { home, env: { HF_ENDPOINT: `${hub.url}/`, HF_TOKEN: 'hf_secret' } })
}

const toFolder = (model: string): string => join(home, '.llama-stack/models', model)

function listFolder(model: string): string[] {
  const entries = readdirSync(toFolder(model), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(toFolder(model).length + 1))
    .toSorted()
}

const fetched = ({ requests }: ScriptedUpstream): string[] =>
  requests.map(({ path }) => path.split('/c0ffee/')[1] ?? '')

describe('[B052] llama models pull owner/name', () => {
  test('brings what the model needs, over a connection that breaks off, the graph last', async () => {
    const files = { ...tinyEmbeddingFiles(), [WEIGHTS]: weights }
    await using hub = await createHub('acme/tiny', { 'README.md': {}, ...files }, { cutAfter: { [WEIGHTS]: 700_000 } })
    const { code, stdout, stderr } = await pull('acme/tiny', hub)
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'acme/tiny is there.\n' })
    expect(listFolder('acme/tiny')).toEqual(Object.keys(files).toSorted())
    for (const [name, content] of Object.entries(files)) {
      expect(readFileSync(join(toFolder('acme/tiny'), name)).equals(toBytes(content)), name).toBe(true)
    }
    expect(fetched(hub).at(-1)).toBe(GRAPH)
    const parts = hub.requests.filter(({ path }) => path.endsWith(WEIGHTS))
    expect(parts.map(({ headers }) => headers['range'])).toEqual([undefined, 'bytes=700000-', 'bytes=1400000-'])
    expect(new Set(hub.requests.map(({ headers }) => headers['authorization']))).toEqual(new Set(['Bearer hf_secret']))
    expect(stderr).toMatch(/^onnx\/model\.onnx_data {2}\d\d %.*\n(?:.*\n)*onnx\/model\.onnx_data {2}100 %/)
    expect(stderr).not.toContain('config.json')
    expect(stderr).toContain(`It needs: ${toInstallCommand(onnxRuntimePackage)}\n`)
    expect(stderr).toContain(
      'Use it: llama, then POST /v1/embeddings with "model": "sentence-transformers/acme/tiny"\n',
    )
  })

  test('goes on where an earlier run stopped, and fetches nothing twice', async () => {
    const files = { ...tinyEmbeddingFiles(), [WEIGHTS]: weights }
    let refusals = 0
    const refuses = ({ headers }: ScriptedRequest): boolean => headers['range'] !== undefined && refusals++ === 0
    await using hub = await createHub('acme/tiny', files, { cutAfter: { [WEIGHTS]: 700_000 }, refuses })
    const first = await pull('acme/tiny', hub)
    expect(first.code).not.toBe(0)
    expect(first.stderr).toContain('it may need a token or accepted terms')
    expect(first.stderr).not.toContain('hf_secret')
    expect(existsSync(join(toFolder('acme/tiny'), GRAPH))).toBe(false)
    const before = hub.requests.length
    expect(await pull('acme/tiny', hub)).toMatchObject({ code: 0 })
    const after = hub.requests.slice(before)
    expect(after.map(({ path, headers }) => [path.split('/').at(-1), headers['range']])).toEqual([
      ['tiny?blobs=true', undefined],
      ['model.onnx_data', 'bytes=700000-'],
      ['model.onnx_data', 'bytes=1400000-'],
      ['model.onnx', undefined],
    ])
    expect(readFileSync(join(toFolder('acme/tiny'), WEIGHTS)).equals(weights)).toBe(true)
  })

  test('takes the id as the server lists it, and tells where a reranker is served, as JSON', async () => {
    const files = tinyCrossEncoderFiles([0])
    await using hub = await createHub('acme/cross', files)
    const words = ['models', 'pull', 'transformers/acme/cross', '--folder', '~/models', '--json']
    const { code, stdout } = await runCommand(words, { home, env: { HF_ENDPOINT: hub.url } })
    expect(code).toBe(0)
    const bytes = Object.values(files).reduce((sum, content) => sum + toBytes(content).length, 0)
    const path = join(home, 'models/acme/cross')
    expect(JSON.parse(stdout)).toEqual({ model: 'transformers/acme/cross', bytes, path })
    expect(hub.requests.some(({ headers }) => 'authorization' in headers)).toBe(false)
  })

  test('has no graph whose checksum is not the one that the hub states', async () => {
    await using hub = await createHub('acme/tiny', tinyEmbeddingFiles(), { checksum: '0'.repeat(64) })
    const { code, stderr } = await pull('acme/tiny', hub)
    expect(code).not.toBe(0)
    expect(stderr).toContain('error[download-corrupt]')
    expect(listFolder('acme/tiny')).not.toContain(GRAPH)
  })

  test.each([
    [
      'writes',
      { 'config.json': { architectures: ['LlamaForCausalLM'] } },
      'it makes neither vectors nor scores of texts',
    ],
    [
      'has a layer of its own',
      { 'modules.json': [{ type: 'sentence_transformers.models.Dense', path: '2_Dense' }] },
      'it has a layer that cannot be run (sentence_transformers.models.Dense)',
    ],
  ])('refuses a model that %s before its graph is fetched', async (_what, changes, reason) => {
    const { 'modules.json': _modules, ...files } = tinyEmbeddingFiles()
    await using hub = await createHub('acme/other', { ...files, ...changes })
    const { code, stderr } = await pull('acme/other', hub)
    expect(code).not.toBe(0)
    expect(stderr).toContain(`nothing here could run it: ${reason}`)
    expect(fetched(hub)).not.toContain(GRAPH)
    expect(listFolder('acme/other')).toEqual([])
  })

  test('has no single checksum', async () => {
    const { code, stderr } = await runCommand(['models', 'pull', 'acme/tiny', '--sha256', '0'.repeat(64)], { home })
    expect(code).toBe(2)
    expect(stderr).toContain('--sha256 is the checksum of one file')
  })
})

test.each([
  ['sentence-transformers/all-MiniLM-L6-v2', 'sentence-transformers/all-MiniLM-L6-v2'],
  ['sentence-transformers/nomic-ai/nomic-embed-text-v1.5', 'nomic-ai/nomic-embed-text-v1.5'],
  ['transformers/Qwen/Qwen3-Reranker-0.6B', 'Qwen/Qwen3-Reranker-0.6B'],
  // Ollama's own, those of its users with a tag, and what it fetches from the hub itself.
  ['qwen3', undefined],
  ['qwen3:4b', undefined],
  ['acme/llama:latest', undefined],
  ['hf.co/acme/tiny', undefined],
  ['../etc/passwd', undefined],
])('%s is the model %s of the hub', (name, id) => {
  expect(findOnnxId(name)).toBe(id)
})

describeWithPackage(onnxRuntimePackage, 'a model that was pulled', () => {
  test('answers under its id', async () => {
    await using hub = await createHub('acme/tiny', tinyEmbeddingFiles())
    expect(await pull('acme/tiny', hub)).toMatchObject({ code: 0 })
    await using stack = await createStack({
      config: {
        name: 'test',
        dataDir: home,
        storage: { sql: { type: 'sqlite', path: join(home, 'stack.db') } },
        providers: [{ api: 'inference', id: 'sentence-transformers', type: 'inline::sentence-transformers' }],
      },
      env: { HOME: home, [PACKAGES_FOLDER_VARIABLE]: optionalPackagesFolder() },
    })
    const response = await stack.fetch('http://stack/v1/embeddings', {
      method: 'POST',
      body: JSON.stringify({ model: 'sentence-transformers/acme/tiny', input: 'red' }),
    })
    const { data } = (await response.json()) as { data: { embedding: number[] }[] }
    expect(response.headers.get('x-llama-stack-substitute')).toBeNull()
    const length = Math.hypot(4, 5)
    expect(data[0]?.embedding).toEqual([expect.closeTo(4 / length, 6), expect.closeTo(5 / length, 6)])
  })
})
