/** Cases about credentials, the list of models and health. */
import { bug } from '@llama-stack/api'
import type { ModelType } from '@llama-stack/api'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import type { ConformanceCase, SubjectUnderTest } from './conformance-case.ts'
import { toChatAnswer } from './conformance-case.ts'
import { CONFORMANCE_KEY, createScriptedRig, failureOf, isScripted, toCall, toChat } from './rig.ts'
import type { ScriptedDeclaration, VendorAnswer } from './rig.ts'
import { serveChat } from './served-reply.ts'
import { textTurn } from './turns.ts'

const CALLER_KEY = 'sk-of-the-caller'

/** The cases of access. */
export const accessCases: readonly ConformanceCase[] = [
  {
    capability: 'chat',
    title: 'the operator’s key goes along',
    scriptedOnly: true,
    async run(under) {
      const { declaration, answer, model } = scripted(under)
      await using rig = await createScriptedRig(declaration, answer)
      await serveChat(rig.provider, toChat(model), toCall())
      expect(rig.asked.map(declaration.subject.script.credential)).toEqual([CONFORMANCE_KEY])
    },
  },
  {
    capability: 'key of the caller',
    title: 'a key of the caller takes the place of the operator’s',
    scriptedOnly: true,
    async run(under) {
      const { declaration, answer, model } = scripted(under)
      const { definition, subject } = declaration
      const providerData = subject.callerKey?.(CALLER_KEY) ?? {
        [definition.credential?.providerData ?? bug('the definition names no provider data')]: CALLER_KEY,
      }
      for (const key of [CONFORMANCE_KEY, null]) {
        await using rig = await createScriptedRig(declaration, answer, { key })
        await serveChat(rig.provider, toChat(model), toCall({ providerData }))
        expect(rig.asked.map(subject.script.credential)).toEqual([CALLER_KEY])
        expect(inspect(rig.vendor.requests, { depth: 10 })).not.toContain(CONFORMANCE_KEY)
      }
    },
  },
  {
    capability: 'missing key',
    title: 'without a key it is off, says which is missing, and calls nobody',
    scriptedOnly: true,
    async run(under) {
      const { declaration, answer, model } = scripted(under)
      const { definition } = declaration
      await using rig = await createScriptedRig(declaration, answer, { key: null })
      // The schema has parsed it; a definition in a list has forgotten its type.
      expect(definition.off?.(rig.config as never)).toMatch(/./)
      const failure = await failureOf(serveChat(rig.provider, toChat(model), toCall()))
      expect(failure.code).toBe('provider_key_missing')
      expect(failure.message).toContain(definition.credential?.env ?? '')
      expect(await rig.provider.models?.(toCall())).toBeUndefined()
      expect(rig.vendor.requests).toHaveLength(0)
    },
  },
  {
    capability: 'model list',
    title: 'the models are listed with their types',
    async run(under) {
      const { chat, embedding, rerank } = under.declaration.models
      const all = { llm: chat, embedding, rerank } as const
      const expected = (['llm', 'embedding', 'rerank'] as const).flatMap((type) => {
        const id = all[type]
        return id === undefined ? [] : [{ id, type }]
      })
      const { listed, types } = await listModels(under, expected)
      for (const { id, type } of expected) {
        expect(listed).toContainEqual(expect.objectContaining({ id, type: types.includes(type) ? type : 'llm' }))
      }
      expect(expected.length).toBeGreaterThan(0)
    },
  },
  {
    capability: 'model list',
    title: 'a list that fails is an error, not an empty list',
    scriptedOnly: true,
    unfit: ({ models }) => (models === undefined ? 'the vendor has no list' : undefined),
    async run(under) {
      const { declaration } = scripted(under)
      const answer = declaration.subject.script.fault({ kind: 'internal', message: 'Out for lunch.' })
      await using rig = await createScriptedRig(declaration, answer)
      expect((await failureOf(rig.provider.models?.(toCall()))).code).toBe('provider_internal')
    },
  },
  {
    capability: 'health',
    title: 'a vendor that answers is well, one that fails is not',
    async run(under) {
      if (!isScripted(under.declaration)) {
        const provider = await under.computed()
        expect(await provider.health?.(toCall())).toMatchObject({ status: 'OK' })
        return
      }
      const { script } = under.declaration.subject
      const routes = script.health ?? script.models?.([]) ?? {}
      await using well = await createScriptedRig(under.declaration, { status: 404, text: '' }, { routes })
      expect(await well.provider.health?.(toCall())).toEqual({ status: 'OK' })
      const fault = script.fault({ kind: 'internal', message: 'Out for lunch.' })
      await using ill = await createScriptedRig(under.declaration, fault)
      const { status, message } = (await ill.provider.health?.(toCall())) ?? bug('the provider tells no health')
      expect(status).toBe('Error')
      expect(message).toContain('Out for lunch.')
      expect(message).not.toContain(CONFORMANCE_KEY)
    },
  },
]

function scripted({ declaration }: SubjectUnderTest): {
  readonly declaration: ScriptedDeclaration
  readonly answer: VendorAnswer
  readonly model: string
} {
  if (!isScripted(declaration)) bug('the case needs a vendor')
  const chat = declaration.subject.script.chat ?? bug('the script has no chat')
  const model = declaration.models.chat ?? bug('the declaration names no chat model')
  return { declaration, answer: toChatAnswer(chat, textTurn), model }
}

async function listModels(
  { declaration, computed }: SubjectUnderTest,
  models: readonly { readonly id: string; readonly type: ModelType }[],
): Promise<{ readonly listed: unknown; readonly types: readonly ModelType[] }> {
  const all = ['llm', 'embedding', 'rerank'] as const
  if (!isScripted(declaration)) return { listed: await (await computed()).models?.(toCall()), types: all }
  const { script, listedTypes = all } = declaration.subject
  const routes = script.models?.(models) ?? {}
  await using rig = await createScriptedRig(declaration, { status: 404, text: '' }, { routes })
  return { listed: await rig.provider.models?.(toCall()), types: listedTypes }
}
