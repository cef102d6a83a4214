/** Every row of the dialect table: the script plays the vendor after the row's facts. */
import { bug } from '@llama-stack/api'
import type { ModelType } from '@llama-stack/api'
import { dialects } from '../../../packages/server/src/providers/inference/_dialect-table.ts'
import type { Dialect, Listing } from '../../../packages/server/src/providers/inference/_dialect.ts'
import { providers } from '../../../packages/server/src/providers/inference/openai-compatible.ts'
import type { CapabilitySkips } from '../../../packages/server/src/testing/conformance/capabilities.ts'
import type {
  ConformanceDeclaration,
  ConformanceModels,
} from '../../../packages/server/src/testing/conformance/declaration.ts'
import { toOpenAiScript } from '../../../packages/server/src/testing/conformance/openai-script.ts'
import type { ScriptedRoute } from '../../../packages/server/src/testing/scripted-upstream.ts'

const RERANK = 'some-rerank'
const NONE = 'the vendor has none'

export const declarations: readonly ConformanceDeclaration[] = dialects.map((dialect, index) => {
  const definition = providers[index] ?? bug('a row without a definition')
  const { listing, health } = dialect
  const rerank = dialect.rerank?.kind === 'per-model' ? 'passages' : 'documents'
  return {
    definition,
    models: toModels(dialect),
    subject: {
      kind: 'scripted',
      listedTypes: toListedTypes(dialect),
      script: toOpenAiScript({
        keyHeader: dialect.auth === 'api-key' ? 'api-key' : 'authorization',
        renamedFields: dialect.renamedFields,
        ...(dialect.rerank !== undefined && { rerank }),
        ...(listing !== undefined && { models: (listed) => toListRoutes(dialect, listing, listed) }),
        ...(health !== undefined && { health: { [`GET ${health.path}`]: { json: {} } } }),
      }),
      config: ({ url, key }) => ({
        [dialect.urlSettings[0] ?? 'base_url']: url + dialect.apiPath,
        ...(key !== undefined && { [dialect.keySettings[0] ?? 'api_key']: key }),
        ...(rerank === 'passages' && { rerank_model_to_url: { [RERANK]: `${url}/ranking` } }),
      }),
    },
    skips: toSkips(dialect),
  }
})

function toModels(dialect: Dialect): ConformanceModels {
  const [embedding = 'some-embed'] = Object.keys(dialect.embeddingModels)
  const [chat = 'some-chat'] = dialect.fixedModels
  return {
    chat,
    ...(dialect.completions && { completion: chat }),
    ...(dialect.embeddings && { embedding }),
    ...(dialect.rerank !== undefined && { rerank: RERANK }),
  }
}

/** What a list can tell apart: by its fields, by our table of embedding models, or by parts of names. */
function toListedTypes({ listing, embeddingModels, nameTypes, rerank }: Dialect): ModelType[] {
  const told = (listing?.types ?? []).flatMap(({ values }) => Object.values(values))
  return (['llm', 'embedding', 'rerank'] as const).filter(
    (type) =>
      type === 'llm' ||
      told.includes(type) ||
      Object.values(nameTypes).includes(type) ||
      (type === 'embedding' && Object.keys(embeddingModels).length > 0) ||
      (type === 'rerank' && rerank?.kind === 'per-model'),
  )
}

function toListRoutes(
  { apiPath }: Dialect,
  { path, below, list = 'data', id: idField = 'id', types = [] }: Listing,
  listed: readonly { readonly id: string; readonly type: ModelType }[],
): Readonly<Record<string, ScriptedRoute>> {
  const rows = listed.map(({ id, type }) => {
    const row: Record<string, unknown> = { [idField]: id, object: 'model' }
    for (const { field, values } of types) {
      const [value] = Object.entries(values).find(([, means]) => means === type) ?? []
      if (value !== undefined) setAt(row, field.split('.'), value === 'true' ? true : value)
    }
    return row
  })
  const place = (below === undefined || below === 'base' ? apiPath + path : path).split('?')[0] ?? ''
  return { [`GET ${place}`]: { json: list === '' ? rows : { [list]: rows } } }
}

function setAt(row: Record<string, unknown>, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) row[first] = value
  else {
    const inner: Record<string, unknown> = {}
    row[first] = inner
    setAt(inner, rest, value)
  }
}

function toSkips(dialect: Dialect): CapabilitySkips {
  const refusesDimensions = dialect.refusedFields.embeddings?.includes('dimensions') === true
  return {
    ...(!dialect.streamUsage && { 'usage in streams': 'usage comes unasked' }),
    ...(!dialect.completions && { 'text completions': NONE }),
    ...(!dialect.embeddings && { embeddings: NONE, 'base64 embeddings': NONE, dimensions: NONE }),
    ...(refusesDimensions && { dimensions: 'the vendor refuses the field' }),
    ...(dialect.rerank === undefined && { rerank: NONE }),
    ...(dialect.keyless !== 'never' && { 'missing key': 'a server of one’s own may need none' }),
    ...(dialect.listing === undefined &&
      dialect.health === undefined && { health: 'the vendor has nothing that can be asked' }),
  }
}
