/** From the model that a client names to the provider that serves it: the rules of both generations. */
import type { CallContext, ModelType, Principal } from '@llama-stack/api'
import { bug, isStackError, StackError } from '@llama-stack/api'
import { findNearest } from '../../kernel/nearest.ts'
import { pause } from '../../kernel/pause.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import type { TargetBook } from '../reliability/target.ts'
import type { ModelRoom } from './model-facts-book.ts'
import type { AddressedModel, KnownModel, ModelRegistry } from './model-registry.ts'
import { resolveAlias } from './route.ts'
import type { AliasGroup, Route, RoutePlan, RouteTarget } from './route.ts'

/** What a model is looked for. */
interface Look {
  readonly type: ModelType
  readonly context: CallContext
}

/** One of the looks: another follows when the listing under way has ended, unless it is the last. */
interface Attempt extends Look {
  readonly isLast: boolean
}

/** What `auto` and placeholders are chosen by. */
interface Choice {
  readonly type: ModelType
  readonly principal: Principal
  /** `all` for any. */
  readonly providerId: string
}

/** A name to be found, and the key under which the outcome is remembered. */
interface Question {
  readonly model: string
  readonly type: ModelType
  readonly context: CallContext
  readonly key: string
}

export interface ModelRouterOptions {
  readonly registry: ModelRegistry
  readonly providers: readonly ProviderHandle[]
  readonly targets: TargetBook
  /** Says how much a model can take. Default: nobody does, and nothing is refused for its length. */
  readonly findRoom?: ((model: AddressedModel) => Promise<ModelRoom | undefined>) | undefined
}

/** How long a lookup waits for a listing that is under way before it calls a model unknown. */
const PENDING_LISTING_MS = 3000

/** Names that are remembered with their routes; a client that makes names up must not fill the memory. */
const MAX_REMEMBERED = 1000

export class ModelRouter {
  /** Routes found since the registry last changed, by principal, type and name. */
  readonly #remembered = new Map<string, Route>()
  #rememberedVersion = -1
  readonly #registry: ModelRegistry
  readonly #providers: ReadonlyMap<string, ProviderHandle>
  readonly #targets: TargetBook
  readonly #findRoom: ModelRouterOptions['findRoom']

  constructor({ registry, providers, targets, findRoom }: ModelRouterOptions) {
    this.#registry = registry
    this.#providers = new Map(providers.map((provider) => [provider.id, provider]))
    this.#targets = targets
    this.#findRoom = findRoom
  }

  /**
   * Finds the targets for a model. In this order: an alias; the exact id; `auto` and placeholders; the provider's own id
   * where only one provider has it (Llama Stack); `provider_id/anything` (OGX). Throws `model_not_found`,
   * `model_ambiguous` or `model_type_mismatch`.
   */
  route(model: string, type: ModelType, context: CallContext): Route | Promise<Route> {
    const { version } = this.#registry
    if (this.#rememberedVersion !== version || this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#rememberedVersion = version
    const key = `${context.principal.id}\n${type}\n${model}`
    const remembered = this.#remembered.get(key)
    return remembered ?? this.#findRoute({ model, type, context, key })
  }

  async #findRoute({ model, type, context, key }: Question): Promise<Route> {
    const { aliases, version } = this.#registry
    // A name that objects have by birth is no alias.
    const alias = Object.hasOwn(aliases, model) ? aliases[model] : undefined
    const route =
      typeof alias === 'object'
        ? await this.#resolveGroup(model, alias, { type, context })
        : toRoute(model, [await this.#resolve(model, { type, context })], { strategy: 'order' })
    if (this.#registry.version === version) this.#remembered.set(key, route)
    return route
  }

  /** The id of the chat model that `auto` stands for, as far as lists have come in. */
  async findAuto(principal: Principal): Promise<string | undefined> {
    const { real, demo } = await this.#findFirst({ type: 'llm', principal, providerId: 'all' })
    return (real ?? demo)?.id
  }

  /** Targets that cannot be found are left out, for the others can answer; where none is found, the first says why. */
  async #resolveGroup(name: string, { targets: named, ...plan }: AliasGroup, look: Look): Promise<Route> {
    const found = await Promise.all(
      named.map(async ({ model, weight }) => {
        try {
          return { ...(await this.#resolve(model, look)), weight }
        } catch (error) {
          if (isStackError(error)) return error
          throw error
        }
      }),
    )
    const targets = found.flatMap((each) => (isStackError(each) ? [] : [each]))
    const [first] = found
    if (targets.length === 0 && isStackError(first)) throw first
    return toRoute(name, targets, plan)
  }

  async #resolve(model: string, { type, context }: Look): Promise<RouteTarget> {
    const found = await this.#find(model, { type, context, isLast: false })
    if (found !== undefined) return found
    const open = await this.#findOpen(model)
    if (open !== undefined) return open
    const { pending } = this.#registry
    if (pending !== undefined) await Promise.race([pending, pause(PENDING_LISTING_MS, context.signal)])
    const later = await this.#find(model, { type, context, isLast: true })
    if (later !== undefined) return later
    const names = (await this.#registry.list(context.principal))
      .filter((known) => known.type === type)
      .flatMap(({ id, resourceId }) => [id, resourceId])
    const nearest = findNearest(model, names)
    throw new StackError('model_not_found', nearest === undefined ? { model } : { model, nearest })
  }

  async #find(model: string, { type, context, isLast }: Attempt): Promise<RouteTarget | undefined> {
    const { principal } = context
    const [name] = resolveAlias(this.#registry.aliases, model)
    const exact = await this.#registry.find(name, principal)
    if (exact !== undefined) return this.#toTarget(model, exact, type)
    const placeholder = name === 'auto' ? undefined : this.#registry.findPlaceholder(name)
    if (placeholder !== undefined && placeholder.model_type !== type) {
      throw new StackError('model_type_mismatch', { model, actual: placeholder.model_type, expected: type })
    }
    if (placeholder !== undefined || name === 'auto') {
      const { real, demo } = await this.#findFirst({ type, principal, providerId: placeholder?.provider_id ?? 'all' })
      // A real model may be in a listing that is still under way.
      const first = real ?? (isLast || this.#registry.pending === undefined ? demo : undefined)
      return first === undefined ? undefined : this.#toTarget(model, first, type)
    }
    const sameResource = (await this.#registry.list(principal)).filter(
      (known) => known.resourceId === name || known.names?.includes(name) === true,
    )
    const [only] = sameResource
    if (sameResource.length > 1) {
      throw new StackError('model_ambiguous', { model, candidates: sameResource.map(({ id }) => id).join(', ') })
    }
    return only === undefined ? undefined : this.#toTarget(model, only, type)
  }

  async #toTarget(requested: string, known: KnownModel, type: ModelType): Promise<RouteTarget | undefined> {
    if (known.type !== type) {
      throw new StackError('model_type_mismatch', { model: requested, actual: known.type, expected: type })
    }
    const provider = this.#providers.get(known.providerId)
    if (provider === undefined) return undefined
    return this.#address(provider, known)
  }

  async #address(provider: ProviderHandle, model: AddressedModel): Promise<RouteTarget> {
    const target = this.#targets.get(provider, model.resourceId)
    const room = await this.#findRoom?.(model)
    return { target, weight: 1, metadata: model.metadata, ...(room !== undefined && { room }) }
  }

  /** The first model of the first provider that can serve; the first of a demo only where there is no other. */
  async #findFirst({ type, principal, providerId }: Choice): Promise<{ real?: KnownModel; demo?: KnownModel }> {
    let demo: KnownModel | undefined
    for (const known of await this.#registry.list(principal)) {
      const provider = this.#providers.get(known.providerId)
      if (provider === undefined || known.type !== type) continue
      if (providerId !== 'all' && providerId !== provider.id) continue
      if (provider.off !== undefined || this.#registry.findFailure(provider.id) !== undefined) continue
      if ((await provider.get()).demo !== true) return { real: known }
      demo ??= known
    }
    return demo === undefined ? {} : { demo }
  }

  /** `provider_id/anything`: the provider knows its models better than our list does. */
  async #findOpen(model: string): Promise<RouteTarget | undefined> {
    const [name] = resolveAlias(this.#registry.aliases, model)
    const slash = name.indexOf('/')
    if (slash <= 0) return undefined
    const provider = this.#providers.get(name.slice(0, slash))
    if (provider === undefined || (await provider.get()).openModels === false) return undefined
    return this.#address(provider, { providerId: provider.id, resourceId: name.slice(slash + 1), metadata: {} })
  }
}

function toRoute(requested: string, [first, ...others]: readonly RouteTarget[], plan: RoutePlan): Route {
  if (first === undefined) bug('a route without a target')
  return { ...plan, requested, targets: [first, ...others] }
}
