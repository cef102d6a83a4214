import { expect, test } from 'vitest'
import { providerRegistry } from '../../packages/server/src/providers/registry.gen.ts'
import { describeProvider } from '../../packages/server/src/testing/provider-conformance.ts'
import { loadDeclarations } from './load-declarations.ts'

const declarations = await loadDeclarations()

test('[B054] every provider of inference takes part, once', () => {
  const types = declarations.map(({ definition }) => definition.type)
  expect(types.toSorted()).toEqual(Object.keys(providerRegistry['inference'] ?? {}).toSorted())
})

for (const declaration of declarations) describeProvider(declaration)
