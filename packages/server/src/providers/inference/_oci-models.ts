/** Models of Oracle's Generative AI, as its control plane lists them. */
import type { Json, ModelType, ProviderCall, ProviderModel, UpstreamResponse } from '@llama-stack/api'
import { findAt, findText } from './_json-shape.ts'
import { findOciCompartment } from './_oci-access.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

const PATH = '/20231130/models'
const LIST_TIMEOUT_MS = 30_000
const PAGE = 100
/** A list without an end must not keep us. */
const MAX_PAGES = 20

/** Lists what the compartment can call on demand; the same name comes once, though it has several versions. */
export async function listOciModels(context: ProtocolContext, call: ProviderCall): Promise<readonly ProviderModel[]> {
  const allowed = context.settings.allowed_models ?? undefined
  const found = new Map<string, ProviderModel>()
  let page = ''
  for (let left = MAX_PAGES; left > 0; left -= 1) {
    const response = await askOciModels(context, call, { limit: String(PAGE), ...(page !== '' && { page }) })
    const items = findAt(await readJson(context.id, response), 'items')
    for (const row of Array.isArray(items) ? items : []) {
      const model = toModel(context, row)
      if (model === undefined || found.has(model.id) || allowed?.includes(model.id) === false) continue
      found.set(model.id, model)
    }
    page = response.headers['opc-next-page'] ?? ''
    if (page === '') break
  }
  return [...found.values()]
}

/** Asks for one page. Throws what the control plane refuses. */
export async function askOciModels(
  context: ProtocolContext,
  call: ProviderCall,
  query: Readonly<Record<string, string>>,
): Promise<UpstreamResponse> {
  const target = await context.locate(call)
  // The control plane is the host beside that of inference.
  const url = new URL(PATH, target.baseUrl.replace('://inference.', '://'))
  const compartmentId = findOciCompartment(context.settings, call)
  const asked = { ...(compartmentId !== undefined && { compartmentId }), lifecycleState: 'ACTIVE', ...query }
  url.search = new URLSearchParams(asked).toString()
  const request = {
    method: 'GET',
    url: url.href,
    headers: target.headers,
    chosenBy: target.chosenBy,
    provider: context.id,
    signal: call.signal,
    headersTimeoutMs: LIST_TIMEOUT_MS,
    idleTimeoutMs: LIST_TIMEOUT_MS,
  } as const
  return expectSuccess(context.id, await context.send(request, { target, call }))
}

/** Undefined for what is not served on demand any more, for bases of fine-tuning, and for what none of our calls reaches. */
function toModel({ dialect }: ProtocolContext, row: unknown): ProviderModel | undefined {
  const id = findText(findAt(row, 'displayName'))
  const isRetired = ['timeDeprecated', 'timeOnDemandRetired'].some(
    (field) => findText(findAt(row, field)) !== undefined,
  )
  const type = toType(findAt(row, 'capabilities'))
  if (id === undefined || isRetired || type === undefined) return undefined
  const metadata: Record<string, Json> = {}
  const facts = dialect.embeddingModels[id]
  if (type === 'embedding' && facts !== undefined) {
    metadata['embedding_dimension'] = facts.dimension
    metadata['context_length'] = facts.contextLength
  }
  return { id, type, metadata }
}

function toType(capabilities: unknown): ModelType | undefined {
  const can = Array.isArray(capabilities) ? capabilities : []
  if (can.includes('FINE_TUNE')) return undefined
  if (can.includes('TEXT_EMBEDDINGS')) return 'embedding'
  return ['CHAT', 'TEXT_GENERATION', 'TEXT_SUMMARIZATION'].some((one) => can.includes(one)) ? 'llm' : undefined
}
