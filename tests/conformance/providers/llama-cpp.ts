/** GGUF models: tiny ones, run by the real engine. */
import type { InferenceProvider } from '@llama-stack/api'
import { llamaPackage } from '../../../packages/server/src/providers/inference/_llama-engine.ts'
import { provider } from '../../../packages/server/src/providers/inference/llama-cpp.ts'
import { withoutVendor } from '../../../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../../../packages/server/src/testing/conformance/declaration.ts'
import { chatMl, createLlamaRig, greeter } from '../../../packages/server/src/testing/llama-rig.ts'
import { whyPackageIsAbsent } from '../../../packages/server/src/testing/optional-package-case.ts'

/** Answers with a call, in the words that its template has for one. */
const caller = { ...chatMl, words: ['||call: '], successors: { '\n': '||call: ' } }
/** Continues what ends with an `e`. */
const writer = { ...greeter, successors: { ...greeter.successors, e: 'Hello' } }
const settled = { temperature: 0, seed: 1, max_tokens: 300 }
const place = { type: 'object', properties: { city: { enum: ['Bern', 'Oslo'] } }, required: ['city'] }

function createProvider(): InferenceProvider {
  const rig = createLlamaRig({
    files: { greeter, writer, caller, babbler: chatMl, embedder: { poolingType: 1 } },
    config: { max_loaded: 5 },
  })
  return {
    ...rig.provider,
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]()
    },
  }
}

const absent = whyPackageIsAbsent(llamaPackage)

export const declarations: readonly ConformanceDeclaration[] = [
  {
    definition: provider,
    models: { chat: 'greeter', completion: 'writer', embedding: 'embedder' },
    subject: {
      kind: 'computed',
      create: createProvider,
      requests: {
        toolCalls: {
          ...settled,
          model: 'caller',
          tools: [{ type: 'function', function: { name: 'get_weather', parameters: place } }],
        },
        structured: { ...settled, model: 'babbler' },
      },
    },
    skips: {
      ...withoutVendor,
      images: 'the engine reads text',
      'parallel tool calls': 'left to the model and its template; the tiny model of the test has no words for it',
      dimensions: 'a file does not say whether its vectors may be shortened',
      rerank: 'not yet',
    },
    ...(absent === undefined ? {} : { absent }),
  },
]
