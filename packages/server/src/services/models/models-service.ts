/** Models at the edge: what is listed, and what callers register. */
import { isStackError, StackError, value } from '@llama-stack/api'
import type {
  CallContext,
  Clock,
  Inference,
  JsonObject,
  Model,
  Models,
  RegisterModelRequest,
  SourcedFacts,
} from '@llama-stack/api'
import { findNearest } from '../../kernel/nearest.ts'
import { pause } from '../../kernel/pause.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import { toIdentifier } from './model-registry.ts'
import type { ModelFactsBook } from './model-facts-book.ts'
import { probeModel } from './model-probe.ts'
import type { ModelProbes } from './model-probes.ts'
import type { KnownModel, ModelRegistry } from './model-registry.ts'
import type { ModelRouter } from './model-router.ts'
import { resolveAlias } from './route.ts'
import type { Aliases } from './route.ts'

export interface ModelsOptions {
  readonly registry: ModelRegistry
  readonly router: ModelRouter
  readonly providers: readonly ProviderHandle[]
  readonly facts: ModelFactsBook
  readonly probes: ModelProbes
  /** What models are tried out with. */
  readonly inference: Inference
  readonly clock: Clock
}

/** How long a list waits for a listing that is under way. */
const FIRST_LISTING_MS = 1000

/** Creates the service behind `/v1/models`. */
export function createModelsService(options: ModelsOptions): Models {
  const { registry } = options
  return {
    async listModels(_request, context) {
      const models = await visible(options, context)
      const describe = await options.facts.readFor(context.principal)
      return value({
        object: 'list',
        data: await Promise.all(models.map(async (model) => toModel(model, await describe(model)))),
      })
    },
    async retrieveModel({ model_id: id }, context) {
      return value(await show(options, await getVisible(options, id, context), context))
    },
    async probeModel({ model_id: id }, context) {
      const model = await getVisible(options, id, context)
      if (model.type !== 'llm') {
        throw new StackError('model_type_mismatch', { model: id, actual: model.type, expected: 'llm' })
      }
      const { facts, probes } = await probeModel(options.inference, `${model.providerId}/${model.resourceId}`, context)
      await options.probes.save(model, facts, context.principal)
      return value({ model: await show(options, model, context), probes })
    },
    async registerModel(request, context) {
      const model = await adopt(options, toKnown(options, request), { request, context })
      return value(await show(options, await registry.register(model, context.principal), context))
    },
    async unregisterModel({ model_id: id }, context) {
      if (await registry.unregister(id, context.principal)) return value({ id, object: 'model', deleted: true })
      throw notFound(id, await registry.list(context.principal))
    },
  }
}

async function show({ facts }: ModelsOptions, model: KnownModel, { principal }: CallContext): Promise<Model> {
  return toModel(model, await (await facts.readFor(principal))(model))
}

/** The model of this name, or the one that it stands for. Throws `model_not_found`. */
async function getVisible(options: ModelsOptions, id: string, context: CallContext): Promise<KnownModel> {
  const models = await visible(options, context)
  const found = findByName(models, id) ?? findAliased(models, options.registry.aliases, id)
  if (found !== undefined) return found
  throw notFound(id, models)
}

/** What the registry has, what the caller's own keys reach, and what the configuration lets stand for either. */
async function visible(options: ModelsOptions, context: CallContext): Promise<KnownModel[]> {
  const { registry, clock } = options
  // A client that asks at once after the start should see what there is; a slow provider must not hold it up.
  await Promise.race([registry.pending, pause(FIRST_LISTING_MS, context.signal)])
  const models = new Map((await registry.list(context.principal)).map((model) => [model.id, model]))
  for (const model of await registry.listWith(context)) if (!models.has(model.id)) models.set(model.id, model)
  for (const { model_id: id, model_type: type, provider_id: providerId, metadata } of registry.placeholders) {
    const stands = [...models.values()].find(
      (model) => model.type === type && (providerId === 'all' || model.providerId === providerId),
    )
    if (stands === undefined) continue
    models.set(id, { ...stands, id, metadata, created: Math.floor(clock.now() / 1000), isListed: false })
  }
  for (const named of await listAliases(options, [...models.values()], context)) models.set(named.id, named)
  return [...models.values()]
}

/**
 * The names of the configuration as models, with what is known of their first target; those that a call would find. As in
 * calls, a name comes before a model of that very id.
 */
async function listAliases(
  { registry: { aliases }, router }: ModelsOptions,
  models: readonly KnownModel[],
  context: CallContext,
): Promise<readonly KnownModel[]> {
  const named = Object.keys(aliases).map(async (id) => {
    const first = findAliased(models, aliases, id)
    if (first === undefined || !(await isRoutable(router, { ...first, id }, context))) return []
    const { names: _names, ...facts } = first
    return [{ ...facts, id, metadata: { ...first.metadata, alias_of: [...resolveAlias(aliases, id)] } }]
  })
  return (await Promise.all(named)).flat()
}

async function isRoutable(router: ModelRouter, { id, type }: KnownModel, context: CallContext): Promise<boolean> {
  try {
    await router.route(id, type, context)
    return true
  } catch (error) {
    if (isStackError(error)) return false
    throw error
  }
}

/** The first that is there of those that an alias stands for. */
function findAliased(models: readonly KnownModel[], aliases: Aliases, id: string): KnownModel | undefined {
  return resolveAlias(aliases, id)
    .map((name) => findByName(models, name))
    .find((model) => model !== undefined)
}

/** By the id, by the provider's own id, or by another name that the provider takes for it. */
function findByName(models: readonly KnownModel[], name: string): KnownModel | undefined {
  return (
    models.find((model) => model.id === name) ??
    models.find((model) => model.resourceId === name) ??
    models.find(({ names = [], providerId }) => names.some((one) => one === name || `${providerId}/${one}` === name))
  )
}

function notFound(id: string, models: readonly KnownModel[]): StackError {
  const nearest = findNearest(
    id,
    models.map((model) => model.id),
  )
  return new StackError('model_not_found', nearest === undefined ? { model: id } : { model: id, nearest })
}

/** One object for the clients of both generations. */
function toModel(model: KnownModel, { facts, sources }: SourcedFacts): Model {
  return {
    id: model.id,
    object: 'model',
    created: model.created,
    owned_by: 'llama_stack',
    custom_metadata: {
      model_type: model.type,
      provider_id: model.providerId,
      provider_resource_id: model.resourceId,
      ...model.metadata,
      ...facts,
      ...(Object.keys(sources).length > 0 && { fact_sources: sources }),
    },
    identifier: model.id,
    type: 'model',
    model_type: model.type,
    provider_id: model.providerId,
    provider_resource_id: model.resourceId,
    metadata: { ...model.metadata },
  }
}

function toKnown({ providers, clock }: ModelsOptions, request: RegisterModelRequest): KnownModel {
  const provider = chooseProvider(providers, request)
  const type = request.model_type ?? 'llm'
  // Registered metadata comes from a JSON body.
  const metadata = (request.metadata ?? {}) as JsonObject
  if (type === 'embedding' && typeof metadata['embedding_dimension'] !== 'number') {
    throw new StackError('missing_field', {
      param: 'metadata.embedding_dimension',
      expected: 'the number of dimensions of the embeddings',
    })
  }
  const prefix = `${provider.id}/`
  const bare = request.model_id.startsWith(prefix) ? request.model_id.slice(prefix.length) : request.model_id
  const resourceId = request.provider_model_id ?? bare
  return {
    id: toIdentifier(request.model_id, resourceId, provider.id),
    providerId: provider.id,
    resourceId,
    type,
    metadata,
    created: Math.floor(clock.now() / 1000),
  }
}

/** The model as its provider calls it. */
async function adopt(
  { providers }: ModelsOptions,
  model: KnownModel,
  { request, context }: { readonly request: RegisterModelRequest; readonly context: CallContext },
): Promise<KnownModel> {
  const handle = providers.find(({ id }) => id === model.providerId)
  // One that is off cannot be asked: a key that comes with a call may let it serve later.
  if (handle === undefined || handle.off !== undefined) return model
  const adopted = { id: model.resourceId, type: model.type, validate: request.model_validation === true }
  const resourceId = await (await handle.get()).adoptModel?.(adopted, context)
  return resourceId === undefined ? model : { ...model, resourceId }
}

/** The named provider; else the one whose prefix the model id carries; else the only one there is. */
function chooseProvider(providers: readonly ProviderHandle[], request: RegisterModelRequest): ProviderHandle {
  const available = providers.map(({ id }) => id).join(', ')
  if (request.provider_id !== undefined && request.provider_id !== null) {
    const named = providers.find(({ id }) => id === request.provider_id)
    if (named !== undefined) return named
    throw new StackError('provider_not_found', { provider: request.provider_id, available })
  }
  const prefixed = providers.find(({ id }) => request.model_id.startsWith(`${id}/`))
  const [only] = providers
  if (prefixed !== undefined) return prefixed
  if (only !== undefined && providers.length === 1) return only
  throw new StackError('missing_field', { param: 'provider_id', expected: `one of ${available}` })
}
