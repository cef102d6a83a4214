/** The provider of GGUF models on tiny models of its own, for tests that run the real engine. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InferenceProvider, ProviderEnvironment } from '@llama-stack/api'
import type * as z from 'zod'
import { systemClock } from '../kernel/clock.ts'
import { silentLog } from '../kernel/log.ts'
import { createUpstream } from '../kernel/upstream.ts'
import { provider } from '../providers/inference/llama-cpp.ts'
import { optionalPackagesFolder } from './optional-package-case.ts'
import { writeTinyGguf } from './tiny-gguf.ts'
import type { TinyGgufOptions } from './tiny-gguf.ts'

/** A template that many models are trained with; replies begin after a line feed. */
export const chatMl = Object.freeze({
  controls: ['<|im_start|>', '<|im_end|>'],
  end: '<|im_end|>',
  chatTemplate:
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
})

/** Says `Hello world!` to everything. */
export const greeter: TinyGgufOptions = Object.freeze({
  ...chatMl,
  words: ['Hello', ' world'],
  successors: { '\n': 'Hello', Hello: ' world', ' world': '!', '!': '<|im_end|>' },
})

export interface LlamaRigOptions {
  /** The files of the models folder, without `.gguf`. */
  readonly files?: Readonly<Record<string, TinyGgufOptions>>
  readonly config?: z.input<typeof provider.config>
  readonly env?: ProviderEnvironment
}

/** A provider, the folder of its models, and what has to go with it. */
export interface LlamaRig extends AsyncDisposable {
  readonly provider: Required<
    Pick<InferenceProvider, 'chatCompletion' | 'completion' | 'embeddings' | 'models' | 'health'>
  >
  readonly folder: string
}

/** Creates the provider with models of these files in a folder of its own. */
export function createLlamaRig({ files = {}, config = {}, env = {} }: LlamaRigOptions = {}): LlamaRig {
  const folder = mkdtempSync(join(tmpdir(), 'gguf-models-'))
  for (const [name, options] of Object.entries(files)) writeTinyGguf(join(folder, `${name}.gguf`), options)
  const upstream = createUpstream()
  const created = provider.create({
    id: 'llama-cpp',
    config: provider.config.parse({ models_dir: folder, gpu: 'off', threads: 1, ...config }),
    deps: {},
    upstream,
    log: silentLog,
    clock: systemClock,
    signal: new AbortController().signal,
    env: { LLAMA_STACK_OPTIONAL_PACKAGES: optionalPackagesFolder(), HOME: folder, ...env },
  })
  return {
    // Its definition creates all of them.
    provider: created as LlamaRig['provider'],
    folder,
    async [Symbol.asyncDispose]() {
      await created[Symbol.asyncDispose]?.()
      await upstream[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
