/**
 * What every provider of inference has to do, whatever its vendor speaks: asked in OpenAI's words, judged by what a client
 * gets. `docs/guides/add-a-provider.md` says how a provider takes part.
 */
import { bug } from '@llama-stack/api'
import type { InferenceProvider } from '@llama-stack/api'
import { afterAll, describe, test } from 'vitest'
import { accessCases } from './conformance/access-cases.ts'
import { cancellationCases } from './conformance/cancellation-cases.ts'
import { chatCases } from './conformance/chat-cases.ts'
import type { ConformanceCase, SubjectUnderTest } from './conformance/conformance-case.ts'
import type { ConformanceDeclaration } from './conformance/declaration.ts'
import { failureCases } from './conformance/failure-cases.ts'
import { vectorCases } from './conformance/vector-cases.ts'
import { timed } from './timed.ts'

/** Every case, in the order in which they run. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...chatCases,
  ...vectorCases,
  ...failureCases,
  ...cancellationCases,
  ...accessCases,
]

/** Declares the suite for one provider. */
export function describeProvider(declaration: ConformanceDeclaration): void {
  const { definition, absent, subject } = declaration
  if (absent !== undefined) console.warn(`${definition.type} is not tested here: ${absent}`)
  const title = absent === undefined ? definition.type : `${definition.type}: ${absent}`
  describe.skipIf(absent !== undefined)(`${title}`, () => {
    let instance: Promise<InferenceProvider> | undefined
    const under: SubjectUnderTest = {
      declaration,
      computed() {
        if (subject.kind !== 'computed') bug('a provider with a vendor does not compute')
        return (instance ??= Promise.resolve(subject.create()))
      },
    }
    afterAll(async () => {
      await (await instance)?.[Symbol.asyncDispose]?.()
    })
    for (const one of conformanceCases) {
      const reason = skipReason(declaration, one)
      const told = reason === undefined ? one.title : `${one.title}: ${reason}`
      // eslint-disable-next-line vitest/valid-title, vitest/expect-expect -- cases and their reasons are data here
      test.skipIf(reason !== undefined)(told, one.timed === true ? timed : {}, () => one.run(under))
    }
  })
}

function skipReason({ skips, subject }: ConformanceDeclaration, one: ConformanceCase): string | undefined {
  if (one.scriptedOnly === true && subject.kind === 'computed') return 'there is no vendor'
  const unfit = subject.kind === 'scripted' ? one.unfit?.(subject.script) : undefined
  return skips?.[one.capability] ?? unfit
}
