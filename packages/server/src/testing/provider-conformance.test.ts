/** The suite can fail: each of these vendors or adapters is wrong in one way, and the case that has to notice does. */
import { bug } from '@llama-stack/api'
import type { AnyProviderDefinition, InferenceProvider } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { dialects } from '../providers/inference/_dialect-table.ts'
import { defineOpenAiProvider } from '../providers/inference/_openai-provider.ts'
import { capabilities } from './conformance/capabilities.ts'
import type { ConformanceCase } from './conformance/conformance-case.ts'
import type { ConformanceDeclaration, ScriptedSubject } from './conformance/declaration.ts'
import { toOpenAiScript } from './conformance/openai-script.ts'
import type { ChatScript, VendorScript } from './conformance/vendor-script.ts'
import { conformanceCases } from './provider-conformance.ts'
import type { ScriptedReply } from './scripted-upstream.ts'

const [openai = bug('the table has no rows')] = dialects
const honest = toOpenAiScript({ models: (listed) => ({ 'GET /v1/models': { json: { data: listed } } }) })
const definition: AnyProviderDefinition<'inference'> = defineOpenAiProvider(openai)

function declare(
  script: VendorScript,
  changed: AnyProviderDefinition<'inference'> = definition,
): ConformanceDeclaration {
  const subject: ScriptedSubject = {
    kind: 'scripted',
    script,
    config: ({ url, key }) => ({ base_url: `${url}/v1`, ...(key !== undefined && { api_key: key }) }),
  }
  const models = { chat: 'm', completion: 'm', embedding: 'text-embedding-3-small' }
  return { definition: changed, subject, models, skips: { rerank: 'none' } }
}

/** The titles of the cases that a declaration does not hold. */
async function failing(
  declaration: ConformanceDeclaration,
  only: (one: ConformanceCase) => boolean,
): Promise<string[]> {
  const titles: string[] = []
  for (const one of conformanceCases.filter(only)) {
    const under = { declaration, computed: () => Promise.reject(new Error('nothing is computed here')) }
    await one.run(under).catch(() => titles.push(one.title))
  }
  return titles
}

/** An adapter that spoils what the honest one does. */
function spoiled(
  spoil: (provider: InferenceProvider) => Partial<InferenceProvider>,
): AnyProviderDefinition<'inference'> {
  return {
    ...definition,
    create(input) {
      const provider = definition.create(input)
      return { ...provider, ...spoil(provider) }
    },
  }
}

const chat = honest.chat as ChatScript
const say = (more: Partial<ChatScript>): VendorScript => ({ ...honest, chat: { ...chat, ...more } })
const of =
  (...names: readonly string[]) =>
  (one: ConformanceCase) =>
    names.includes(one.capability)

test('every capability has a case, and every case a title of its own', () => {
  expect([...new Set(conformanceCases.map((one) => one.capability))].toSorted()).toEqual(
    Object.keys(capabilities).toSorted(),
  )
  expect(new Set(conformanceCases.map((one) => one.title)).size).toBe(conformanceCases.length)
})

test('an honest vendor passes', async () => {
  expect(await failing(declare(honest), of('chat', 'stream', 'tool calls', 'usage'))).toEqual([])
})

describe('a case notices', () => {
  test.each<[about: string, declaration: ConformanceDeclaration, capability: string]>([
    [
      'a stream that says less than the value',
      declare(say({ stream: (turn, ...rest) => chat.stream({ ...turn, pieces: turn.pieces.slice(1) }, ...rest) })),
      'stream',
    ],
    [
      'a stream that ends twice',
      declare(
        say({
          stream(...asked) {
            const { frames, ...rest } = chat.stream(...asked)
            return { ...rest, frames: [...frames.slice(0, -2), ...frames.slice(-2, -1), ...frames.slice(-2)] }
          },
        }),
      ),
      'stream',
    ],
    [
      'arguments of a tool that are lost',
      declare(
        say({
          reply: (turn, ...rest) =>
            chat.reply({ ...turn, toolCalls: turn.toolCalls.map((call) => ({ ...call, arguments: {} })) }, ...rest),
        }),
      ),
      'tool calls',
    ],
    [
      'tools that do not reach the vendor',
      declare(
        honest,
        spoiled((provider) => ({
          chatCompletion: ({ tools: _tools, ...request }, call) =>
            provider.chatCompletion?.(request as typeof request & { messages: never }, call) as never,
        })),
      ),
      'tool calls',
    ],
    [
      'usage that is made up',
      declare(
        say({ reply: (turn, ...rest) => chat.reply({ ...turn, usage: { inputTokens: 1, outputTokens: 1 } }, ...rest) }),
      ),
      'usage',
    ],
    [
      'failures that all look alike',
      declare({ ...honest, fault: ({ message }): ScriptedReply => ({ status: 500, json: { error: { message } } }) }),
      'errors',
    ],
    [
      'a vendor that is not let go',
      declare(
        honest,
        spoiled((provider) => ({
          chatCompletion: (request, call) =>
            provider.chatCompletion?.(request, { ...call, signal: new AbortController().signal }) as never,
        })),
      ),
      'cancellation',
    ],
    [
      'a key of the caller that is left behind',
      declare(
        honest,
        spoiled((provider) => ({
          chatCompletion: (request, call) => provider.chatCompletion?.(request, { ...call, providerData: {} }) as never,
        })),
      ),
      'key of the caller',
    ],
    [
      'a list that swallows its failure',
      declare(
        honest,
        spoiled((provider) => ({ models: async (call) => provider.models?.(call).catch(() => []) })),
      ),
      'model list',
    ],
    [
      'vectors in the wrong order',
      declare({
        ...honest,
        embeddings: {
          ...(honest.embeddings as NonNullable<VendorScript['embeddings']>),
          reply: ({ vectors, inputTokens }, ...rest) =>
            honest.embeddings?.reply({ vectors: vectors.toReversed(), inputTokens }, ...rest) ?? { text: '' },
        },
      }),
      'embeddings',
    ],
  ])('%s', async (_about, declaration, capability) => {
    expect(await failing(declaration, of(capability))).not.toEqual([])
  })
})
