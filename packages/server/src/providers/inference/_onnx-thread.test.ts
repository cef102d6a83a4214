import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { StackError } from '@llama-stack/api'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { tinyEmbeddingFiles, writeModelFolder } from '../../testing/tiny-onnx-models.ts'
import { findModelFacts } from './_onnx-model-facts.ts'
import type { ModelFacts } from './_onnx-model-facts.ts'
import { ModelThread } from './_onnx-thread.ts'
import type { ModelThreadOptions } from './_onnx-thread.ts'
import { timed } from '../../testing/timed.ts'

/**
 * A runtime in the place of onnxruntime-node, so that these cases need no package: the vector of a token is its id twice.
 * `blue` keeps the thread busy for 4 ms, `green` fails, `query` ends the thread.
 */
const scriptedRuntime = `
  const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  const session = {
    inputMetadata: [{ name: 'input_ids', type: 'int64', shape: ['batch', 'sequence'] }],
    outputNames: ['last_hidden_state'],
    async run({ input_ids: { data, dims } }) {
      for (const id of data) {
        if (id === 5n) pause(4)
        if (id === 6n) throw new Error('out of memory')
        if (id === 8n) process.exit(7)
      }
      const values = Float32Array.from(data, Number)
      return { last_hidden_state: { data: Float32Array.from({ length: values.length * 2 }, (_, at) => values[at >> 1]), dims: [...dims, 2] } }
    },
    release: async () => {},
  }
  class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }) } }
  module.exports = { InferenceSession: { create: async () => session }, Tensor }
`

let folder = ''
let facts: ModelFacts
let runtime = ''
const opened: ModelThread[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onnx-thread-'))
  await writeFile(join(folder, 'runtime.cjs'), scriptedRuntime)
  runtime = pathToFileURL(join(folder, 'runtime.cjs')).href
  await writeModelFolder(join(folder, 'tiny'), {
    ...tinyEmbeddingFiles(),
    '1_Pooling/config.json': { word_embedding_dimension: 2, pooling_mode_max_tokens: true },
    'modules.json': [
      { path: '', type: 's.Transformer' },
      { path: '1_Pooling', type: 's.Pooling' },
    ],
  })
  const found = await findModelFacts({ id: 'acme/tiny', directory: join(folder, 'tiny'), contextLength: undefined })
  if (found === undefined) throw new TypeError('the folder holds no model')
  facts = found
})
afterAll(async () => {
  for (const thread of opened) await thread[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function open(options: Partial<ModelThreadOptions> = {}): ModelThread {
  const defaults = {
    provider: 'st',
    log: silentLog,
    runtime,
    model: facts,
    threads: 1,
    idleMs: 60_000,
    maxWaiting: 10_000,
  }
  const thread = new ModelThread({ ...defaults, ...options })
  opened.push(thread)
  return thread
}

const idle = new AbortController().signal
const texts = (text: string, count = 1) =>
  Array.from({ length: count }, () => ({ kind: 'text' as const, prompt: '', text }))
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: StackError) => error.code ?? error,
  )

describe('a model’s thread', () => {
  test('computes each text and counts its tokens', async () => {
    const thread = open()
    const { rows, tokens } = await thread.run([...texts('red'), ...texts('red redish')], idle)
    expect(rows.map((row) => [...row])).toEqual([
      [4, 4],
      [7, 7],
    ])
    expect(tokens).toEqual([3, 5])
  })

  test('lets small requests ride along with a large one', async () => {
    const thread = open()
    await thread.run(texts('red'), idle)
    const ended: string[] = []
    const large = thread.run(texts('blue', 320), idle).then(() => ended.push('large'))
    const small = thread.run(texts('red'), idle).then(() => ended.push('small'))
    await Promise.all([large, small])
    expect(ended).toEqual(['small', 'large'])
  })

  test('never holds up the event loop', timed, async () => {
    const thread = open()
    const delay = monitorEventLoopDelay({ resolution: 5 })
    const started = performance.now()
    delay.enable()
    await thread.run(texts('blue', 300), idle)
    delay.disable()
    const busyMs = performance.now() - started
    expect(busyMs).toBeGreaterThan(1000)
    expect(delay.max / 1e6).toBeLessThan(busyMs / 2)
  })

  test('refuses what would wait too long, and says when to try again', async () => {
    const thread = open({ maxWaiting: 100 })
    const large = thread.run(texts('blue', 200), idle)
    await expect(thread.run(texts('red'), idle)).rejects.toMatchObject({
      code: 'provider_overloaded',
      details: { provider: 'st', retryAfterMs: 1000, reason: '136 texts are waiting for acme/tiny' },
    })
    await large
    expect((await thread.run(texts('red'), idle)).rows).toHaveLength(1)
  })

  test('forgets a request whose caller left', async () => {
    const thread = open({ maxWaiting: 500 })
    const leaving = new AbortController()
    const first = thread.run(texts('blue', 64), idle)
    const second = thread.run(texts('blue', 600), leaving.signal)
    leaving.abort(new DOMException('gone', 'AbortError'))
    await expect(second).rejects.toThrow('gone')
    // Nothing of it waits any more, so there is room.
    const third = thread.run(texts('red', 10), idle)
    await Promise.all([first, third])
    await expect(thread.run(texts('red'), leaving.signal)).rejects.toThrow('gone')
  })

  test('goes on after a portion that failed', async () => {
    const thread = open()
    const failed = thread.run(texts('green', 200), idle)
    await expect(failed).rejects.toMatchObject({
      code: 'provider_internal',
      message: expect.stringMatching(/out of memory/) as string,
    })
    expect((await thread.run(texts('red'), idle)).rows).toHaveLength(1)
  })

  test('is started again when it was lost', async () => {
    const thread = open()
    expect(await codeOf(thread.run(texts('query'), idle))).toBe('provider_internal')
    expect(thread.isLoaded).toBe(false)
    expect((await thread.run(texts('red'), idle)).rows).toHaveLength(1)
  })

  test('gives its memory back when there is nothing to do, and starts again when there is', async () => {
    const thread = open({ idleMs: 30 })
    await thread.run(texts('red'), idle)
    expect(thread.isLoaded).toBe(true)
    await vi.waitFor(() => expect(thread.isLoaded).toBe(false))
    expect((await thread.run(texts('red'), idle)).rows).toHaveLength(1)
  })

  test('ends with the stack, and whoever waits is told', async () => {
    const thread = open()
    const waiting = codeOf(thread.run(texts('blue', 100), idle))
    await sleep(20)
    await thread[Symbol.asyncDispose]()
    expect(await waiting).toBe('server_shutting_down')
    expect(await codeOf(thread.run(texts('red'), idle))).toBe('server_shutting_down')
  })

  test('says what is wrong with a runtime that cannot be loaded', async () => {
    const broken = open({ runtime: pathToFileURL(join(folder, 'absent.cjs')).href })
    await expect(broken.run(texts('red'), idle)).rejects.toMatchObject({
      code: 'optional_package_broken',
      message: expect.stringMatching(/absent\.cjs.*npm install onnxruntime-node@/s) as string,
    })
  })

  test('says what is wrong with a model that cannot be loaded', async () => {
    const broken = open({ model: { ...facts, directory: join(folder, 'absent') } })
    await expect(broken.run(texts('red'), idle)).rejects.toMatchObject({ code: 'local_model_invalid' })
  })
})
