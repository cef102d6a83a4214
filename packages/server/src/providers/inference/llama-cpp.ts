/** GGUF models inside the server: chats, texts, JSON, tool calls and embeddings by llama.cpp, without another program. */
import { homedir } from 'node:os'
import { defineProvider } from '@llama-stack/api'
import type { InferenceProvider } from '@llama-stack/api'
import type { LlamaHost } from './_llama-host.ts'
import { llamaSettings } from './_llama-settings.ts'

export const provider = defineProvider({
  api: 'inference',
  type: 'inline::llama-cpp',
  description: 'GGUF models inside the server, run by the optional node-llama-cpp.',
  config: llamaSettings,
  create({ id, config, env = {}, upstream, log, clock, signal }): InferenceProvider {
    let opened: Promise<LlamaHost> | undefined
    const open = async (): Promise<LlamaHost> => {
      const { createLlamaHost } = await import('./_llama-host.ts')
      const home = env['HOME'] ?? homedir()
      return createLlamaHost({ provider: id, settings: config, env, home, upstream, log, clock, signal })
    }
    // A server that starts needs none of its code.
    const host = (): Promise<LlamaHost> => (opened ??= open())
    return {
      chatCompletion: async (request, call) => (await host()).runner.chat(request, call.signal),
      completion: async (request, call) => (await host()).runner.text(request, call.signal),
      embeddings: async (request, call) => (await host()).runner.embed(request, call.signal),
      models: async () => (await host()).models(),
      health: async () => (await host()).health(),
      async [Symbol.asyncDispose]() {
        await (await opened)?.[Symbol.asyncDispose]()
      },
    }
  },
})
