/** Which shields there are: those of the configuration, which are everybody's, and those that callers registered. */
import { StackError } from '@llama-stack/api'
import type { Principal, SafetyProvider, ShieldDescription } from '@llama-stack/api'
import { findNearest } from '../../kernel/nearest.ts'
import type { RegisteredShield, Storage } from '../../storage/storage.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'

/** A shield, and who runs it. */
export interface ReadyShield {
  readonly description: ShieldDescription
  readonly providerId: string
  readonly provider: SafetyProvider
}

export interface ShieldBookOptions {
  readonly providers: readonly ProviderHandle<'safety'>[]
  readonly declared: readonly RegisteredShield[]
  /** The shield of moderations that name none. Default: the only one there is. */
  readonly defaultShieldId: string | undefined
  readonly storage: Pick<Storage, 'shields'>
}

/** The moderation models of OpenAI, which its clients name without having chosen them. */
const OPENAI_MODEL = /^(?:omni|text)-moderation-/

export class ShieldBook {
  readonly #options: ShieldBookOptions

  constructor(options: ShieldBookOptions) {
    this.#options = options
  }

  async list(principal: Principal): Promise<readonly RegisteredShield[]> {
    const { declared, storage } = this.#options
    return [...declared, ...(await storage.shields(principal).list())]
  }

  /** Throws `shield_not_found`, blaming the parameter of that name. */
  async get(id: string, param: string, principal: Principal): Promise<RegisteredShield> {
    const found = this.#findDeclared(id) ?? (await this.#options.storage.shields(principal).find(id))
    if (found !== undefined) return found
    throw notFound(id, param, await this.list(principal))
  }

  /** The shield that a moderation means: by its id, by what its provider calls it, or the default one. */
  async getForModeration(model: string | null | undefined, principal: Principal): Promise<RegisteredShield> {
    const shields = await this.list(principal)
    const exact = shields.find(({ shieldId }) => shieldId === model)
    if (exact !== undefined) return exact
    const named = shields.filter(({ providerShieldId }) => providerShieldId === model)
    const [first] = named
    if (first !== undefined && named.length === 1) return first
    const ids = (of: readonly RegisteredShield[]): string => of.map(({ shieldId }) => shieldId).join(', ')
    if (named.length > 1) {
      throw new StackError('invalid_value', {
        param: 'model',
        problem: 'several shields use it',
        value: String(model),
        fix: `Name one of them: ${ids(named)}.`,
      })
    }
    if (typeof model === 'string' && !OPENAI_MODEL.test(model)) throw notFound(model, 'model', shields)
    return this.#getDefault(shields, ids)
  }

  /** Registers a shield, or does nothing where it is registered with the same values. Throws `shield_exists`. */
  async register(shield: RegisteredShield, principal: Principal): Promise<void> {
    const declared = this.#findDeclared(shield.shieldId)
    const repository = this.#options.storage.shields(principal)
    const known = declared ?? (await repository.find(shield.shieldId))
    if (known !== undefined && isSame(known, shield)) return
    if (declared !== undefined) {
      throw new StackError('shield_exists', { shield: shield.shieldId, provider: declared.providerId })
    }
    await repository.insert(shield)
  }

  /** Throws `shield_not_found` where the caller has registered none of that id. */
  async unregister(id: string, principal: Principal): Promise<void> {
    if (await this.#options.storage.shields(principal).delete(id)) return
    const declared = this.#findDeclared(id)
    if (declared === undefined) throw notFound(id, 'identifier', await this.list(principal))
    throw new StackError('invalid_value', {
      param: 'identifier',
      problem: 'this shield belongs to the configuration of the server',
      value: id,
      fix: 'Take it out of the configuration.',
    })
  }

  /** The provider that a registration means. Throws `provider_not_found`, `missing_field` or `guardrails_unavailable`. */
  chooseProvider(id: string | null | undefined): string {
    const ids = this.#options.providers.map((provider) => provider.id)
    const [only] = ids
    if (only === undefined) throw new StackError('guardrails_unavailable', { param: 'provider_id' })
    if (typeof id === 'string') {
      if (ids.includes(id)) return id
      throw new StackError('provider_not_found', { provider: id, available: ids.join(', ') })
    }
    if (ids.length === 1) return only
    throw new StackError('missing_field', { param: 'provider_id', expected: `one of ${ids.join(', ')}` })
  }

  /** The shield with its provider. Throws `provider_not_found` where a registered shield has outlived its provider. */
  async ready(shield: RegisteredShield, params = shield.params): Promise<ReadyShield> {
    const { providers } = this.#options
    const handle = providers.find(({ id }) => id === shield.providerId)
    if (handle === undefined) {
      throw new StackError('provider_not_found', {
        provider: shield.providerId,
        available: providers.map(({ id }) => id).join(', ') || 'none',
      })
    }
    return {
      description: { id: shield.shieldId, providerShieldId: shield.providerShieldId, params },
      providerId: handle.id,
      provider: await handle.get(),
    }
  }

  /** Throws `guardrails_unavailable` where nothing can judge. */
  requireProviders(param: string): void {
    if (this.#options.providers.length === 0) throw new StackError('guardrails_unavailable', { param })
  }

  #findDeclared(id: string): RegisteredShield | undefined {
    return this.#options.declared.find(({ shieldId }) => shieldId === id)
  }

  #getDefault(
    shields: readonly RegisteredShield[],
    ids: (of: readonly RegisteredShield[]) => string,
  ): RegisteredShield {
    const { defaultShieldId } = this.#options
    if (defaultShieldId !== undefined) {
      const found = shields.find(({ shieldId }) => shieldId === defaultShieldId)
      if (found !== undefined) return found
      throw notFound(defaultShieldId, 'model', shields)
    }
    const [only] = shields
    if (only !== undefined && shields.length === 1) return only
    throw new StackError('missing_field', {
      param: 'model',
      expected: shields.length === 0 ? 'a shield; register one with POST /v1/shields' : `one of ${ids(shields)}`,
    })
  }
}

function notFound(id: string, param: string, shields: readonly RegisteredShield[]): StackError {
  const nearest = findNearest(
    id,
    shields.map(({ shieldId }) => shieldId),
  )
  return new StackError('shield_not_found', { shield: id, param, ...(nearest !== undefined && { nearest }) })
}

function isSame(one: RegisteredShield, other: RegisteredShield): boolean {
  return (
    one.providerId === other.providerId &&
    one.providerShieldId === other.providerShieldId &&
    JSON.stringify(one.params) === JSON.stringify(other.params)
  )
}
