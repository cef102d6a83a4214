import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChatCompletionRequest, EmbeddingsRequest, EmbeddingsResponse } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { createLlamaRig, greeter } from '../../testing/llama-rig.ts'
import type { LlamaRig } from '../../testing/llama-rig.ts'
import { offlineCall } from '../../testing/offline-provider.ts'
import { describeWithPackage } from '../../testing/optional-package-case.ts'
import { createScriptedUpstream } from '../../testing/scripted-upstream.ts'
import { llamaPackage } from './_llama-engine.ts'
import { findOptionalPackage } from '../../kernel/optional-package.ts'

const ENGINE_START_MS = 60_000

const greet = (model: string): ChatCompletionRequest => ({ model, messages: [{ role: 'user', content: 'Hi' }] })
const chat = async ({ provider }: LlamaRig, model = 'greeter') => provider.chatCompletion(greet(model), offlineCall())

async function embed(
  { provider }: LlamaRig,
  request: Pick<EmbeddingsRequest, 'input' | 'dimensions' | 'encoding_format'>,
): Promise<EmbeddingsResponse> {
  const reply = await provider.embeddings({ model: 'embedder', ...request }, offlineCall())
  if (reply.kind !== 'value') throw new Error('expected a value')
  return reply.value
}

const loaded = async ({ provider }: LlamaRig) => (await provider.health(offlineCall())).message

describe.skipIf(findOptionalPackage(llamaPackage) !== undefined)('without node-llama-cpp', () => {
  const env = { LLAMA_STACK_OPTIONAL_PACKAGES: undefined }

  test('no model is listed, and health says what to install', async () => {
    await using rig = createLlamaRig({ files: { greeter }, env })
    expect(await rig.provider.models(offlineCall())).toEqual([])
    expect(await rig.provider.health(offlineCall())).toEqual({
      status: 'Error',
      message: 'Running GGUF models inside the server needs node-llama-cpp: npm install node-llama-cpp@3.21.1',
    })
  })

  test('a chat is refused with the command that installs it, and nothing is fetched', async () => {
    await using rig = createLlamaRig({
      config: { models: { far: 'https://models.example/far.gguf' } },
      files: { greeter },
      env,
    })
    for (const model of ['greeter', 'far']) {
      await expect(chat(rig, model)).rejects.toMatchObject({
        code: 'optional_package_missing',
        details: { package: 'node-llama-cpp', install: 'npm install node-llama-cpp@3.21.1' },
      })
    }
  })
})

describeWithPackage(llamaPackage, 'GGUF models of this machine', () => {
  test('are listed with what their files say', async () => {
    await using rig = createLlamaRig({
      files: { greeter, embedder: { poolingType: 1 } },
      config: {
        context_length: 1024,
        models: { named: { path: 'greeter.gguf', context_length: 512 }, far: 'hf:acme/far/far.gguf' },
      },
    })
    const listed = await rig.provider.models(offlineCall())
    expect(listed).toEqual([
      {
        id: 'named',
        type: 'llm',
        metadata: {
          format: 'gguf',
          architecture: 'llama',
          name: 'tiny',
          size_bytes: readFileSync(join(rig.folder, 'greeter.gguf')).length,
          context_length: 512,
        },
      },
      {
        id: 'embedder',
        type: 'embedding',
        metadata: expect.objectContaining({ context_length: 1024, embedding_dimension: 64 }) as object,
      },
      { id: 'far', type: 'llm', metadata: { format: 'gguf', downloaded: false } },
    ])
    expect(await loaded(rig)).toBe('3 models, 0 in memory')
  })

  test(
    'are loaded at their first use, make room for others and leave when they idle',
    { timeout: ENGINE_START_MS },
    async () => {
      await using rig = createLlamaRig({ files: { greeter, second: greeter }, config: { idle_seconds: 0.3 } })
      // One may be loaded: the second waits for the first to be done.
      await Promise.all([chat(rig), chat(rig, 'second'), chat(rig)])
      expect(await loaded(rig)).toBe('2 models, 1 in memory')
      await expect.poll(() => loaded(rig), { timeout: 5000 }).toBe('2 models, 0 in memory')
      expect(await chat(rig)).toMatchObject({ value: { choices: [{ message: { content: 'Hello world!' } }] } })
    },
  )

  test('end what they are doing when the stack ends', { timeout: ENGINE_START_MS }, async () => {
    const endless = { ...greeter, successors: { '\n': 'Hello', Hello: ' world', ' world': 'Hello' } }
    const rig = createLlamaRig({ files: { greeter: endless } })
    await rig.provider.completion({ model: 'greeter', prompt: 'Hello', max_tokens: 1 }, offlineCall())
    const running = chat(rig).catch((error: unknown) => error)
    await sleep(100)
    await rig[Symbol.asyncDispose]()
    expect(await running).toMatchObject({ code: 'server_shutting_down' })
  })

  test('that cannot be loaded say why, and the others go on', { timeout: ENGINE_START_MS }, async () => {
    await using rig = createLlamaRig({ files: { greeter } })
    const whole = readFileSync(join(rig.folder, 'greeter.gguf'))
    writeFileSync(join(rig.folder, 'cut.gguf'), whole.subarray(0, 50_000))
    writeFileSync(join(rig.folder, 'text.gguf'), 'this is no model')
    const ids = (await rig.provider.models(offlineCall()))?.map(({ id }) => id)
    expect(ids).toEqual(['cut', 'greeter'])
    await expect(chat(rig, 'cut')).rejects.toMatchObject({
      code: 'provider_internal',
      message: expect.stringContaining("model 'cut' cannot be loaded") as string,
    })
    expect(await chat(rig)).toMatchObject({ value: { choices: [{ finish_reason: 'stop' }] } })
  })

  test('are fetched from where the configuration says', { timeout: ENGINE_START_MS }, async () => {
    await using source = createLlamaRig({ files: { greeter } })
    const bytes = readFileSync(join(source.folder, 'greeter.gguf'))
    await using hub = await createScriptedUpstream({ routes: { 'GET /acme/tiny/resolve/main/tiny.gguf': { bytes } } })
    await using rig = createLlamaRig({
      config: { models: { tiny: { url: 'hf:acme/tiny/tiny.gguf', path: 'sub/tiny.gguf' } } },
      env: { HF_ENDPOINT: hub.url, HF_TOKEN: 'hf_secret' },
    })
    const replies = await Promise.all([chat(rig, 'tiny'), chat(rig, 'tiny')])
    expect(replies).toMatchObject([{ kind: 'value' }, { kind: 'value' }])
    expect(hub.requests.map(({ headers }) => headers['authorization'])).toEqual(['Bearer hf_secret'])
    expect(existsSync(join(rig.folder, 'sub/tiny.gguf'))).toBe(true)
  })

  test('make vectors of length one, alike for texts and their tokens', { timeout: ENGINE_START_MS }, async () => {
    await using rig = createLlamaRig({ files: { embedder: { poolingType: 1, words: ['cat'] }, greeter } })
    const { data, usage, model } = await embed(rig, { input: ['cat', 'a cat', 'cat'] })
    expect(model).toBe('embedder')
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2])
    for (const { embedding } of data) expect(Math.hypot(...(embedding as number[]))).toBeCloseTo(1, 5)
    expect(data[2]?.embedding).toEqual(data[0]?.embedding)
    expect(data[1]?.embedding).not.toEqual(data[0]?.embedding)
    expect(usage.prompt_tokens).toBe(usage.total_tokens)

    // After 3 marks, 256 bytes and 95 characters.
    const byIds = await embed(rig, { input: [[354]] })
    expect(byIds.data[0]?.embedding).toEqual(data[0]?.embedding)
    const packed = (await embed(rig, { input: 'cat', encoding_format: 'base64' })).data[0]?.embedding
    const floats = new Float32Array(new Uint8Array(Buffer.from(String(packed), 'base64')).buffer)
    expect(Array.from(floats)).toEqual(data[0]?.embedding)

    await expect(embed(rig, { input: [[1_000_000]] })).rejects.toMatchObject({ code: 'invalid_value', param: 'input' })
    await expect(embed(rig, { input: 'cat', dimensions: 8 })).rejects.toMatchObject({ param: 'dimensions' })
    await expect(embed(rig, { input: 'x'.repeat(5000) })).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'input',
    })
    await expect(chat(rig, 'embedder')).rejects.toMatchObject({ code: 'model_type_mismatch' })
  })
})
