/** Safety: moderations, shields, and the guardrails of responses. */
import { value } from '@llama-stack/api'
import type { CallContext, JsonObject, Log, Safety, Shield, ShieldVerdict } from '@llama-stack/api'
import type { Ids } from '../../kernel/ids.ts'
import type { RegisteredShield } from '../../storage/storage.ts'
import { parseDeclaredShields, parseDefaultShieldId } from './declared-shields.ts'
import { toGuardrails } from './guardrails.ts'
import type { Guardrails } from './guardrails.ts'
import { toModerationResult } from './moderation-result.ts'
import { ShieldBook } from './shield-book.ts'
import type { ReadyShield, ShieldBookOptions } from './shield-book.ts'
import { toModeratedTexts, toShieldMessages } from './shield-messages.ts'

export interface SafetyOptions extends Pick<ShieldBookOptions, 'providers' | 'storage'> {
  /** The shields of the configuration, as a file has them. */
  readonly shields: readonly Readonly<Record<string, unknown>>[]
  /** The block `safety` of the configuration: `default_shield_id` is the shield of moderations that name none. */
  readonly settings: Readonly<Record<string, unknown>> | undefined
  readonly ids: Ids
  readonly log: Log
  /** Whether calls are answered from recordings: then shields are asked what upstream asked them. Default: false. */
  readonly replaying?: boolean
}

/** What the routes of safety do, and what responses need of it. */
export interface SafetyService extends Safety {
  /** The shields of one response. Rejects with `guardrails_unavailable` or `shield_not_found`, blaming `guardrails`. */
  openGuardrails(shieldIds: readonly string[], context: Pick<CallContext, 'principal'>): Promise<Guardrails>
}

/** Each text may be a call of a model. */
const MAX_JUDGED_AT_ONCE = 16

/** Creates the service behind the routes of safety. Throws `config_invalid` where a shield of the configuration is wrong. */
export function createSafetyService(options: SafetyOptions): SafetyService {
  const { ids, log, replaying = false } = options
  const book = new ShieldBook({
    ...options,
    declared: parseDeclaredShields(
      options.shields,
      options.providers.map(({ id }) => id),
    ),
    defaultShieldId: parseDefaultShieldId(options.settings),
  })
  return {
    async createModeration({ input, model }, context) {
      book.requireProviders('model')
      const texts = toModeratedTexts(input)
      const shield = await book.ready(await book.getForModeration(model, context.principal))
      note(shield, context)
      const verdicts: ShieldVerdict[] = []
      for (let from = 0; from < texts.length; from += MAX_JUDGED_AT_ONCE) {
        const some = texts.slice(from, from + MAX_JUDGED_AT_ONCE)
        const judged = some.map((text) => shield.provider.judge(shield.description, [{ role: 'user', text }], context))
        verdicts.push(...(await Promise.all(judged)))
      }
      return value({
        id: ids.random('modr-'),
        model: model ?? shield.description.id,
        results: verdicts.map(toModerationResult),
      })
    },
    async runShield({ shield_id: id, messages, params }, context) {
      book.requireProviders('shield_id')
      const known = await book.get(id, 'shield_id', context.principal)
      const shield = await book.ready(known, toParams({ ...known.params, ...params }))
      note(shield, context)
      const { violation } = await shield.provider.judge(shield.description, toShieldMessages(messages), context)
      if (violation === undefined) return value({ violation: null })
      const { level, userMessage, metadata } = violation
      return value({ violation: { violation_level: level, user_message: userMessage, metadata: { ...metadata } } })
    },
    async listShields(_request, { principal }) {
      return value({ data: (await book.list(principal)).map(toShield) })
    },
    async retrieveShield({ identifier }, { principal }) {
      return value(toShield(await book.get(identifier, 'identifier', principal)))
    },
    async registerShield(request, { principal }) {
      const shield: RegisteredShield = {
        shieldId: request.shield_id,
        providerId: book.chooseProvider(request.provider_id),
        providerShieldId: request.provider_shield_id ?? request.shield_id,
        params: toParams(request.params ?? {}),
      }
      await book.register(shield, principal)
      return value(toShield(shield))
    },
    async unregisterShield({ identifier }, { principal }) {
      await book.unregister(identifier, principal)
      return value(undefined)
    },
    async openGuardrails(shieldIds, { principal }) {
      book.requireProviders('guardrails')
      const shields = await Promise.all(
        [...new Set(shieldIds)].map(async (id) => book.ready(await book.get(id, 'guardrails', principal))),
      )
      return toGuardrails({ shields, log, cumulative: replaying })
    },
  }
}

/** What a registered shield's params are: they came with a JSON body. */
function toParams(params: Readonly<Record<string, unknown>>): JsonObject {
  return params as JsonObject
}

function note({ description, providerId }: ReadyShield, { record }: CallContext): void {
  if (record === undefined) return
  record.model = description.id
  record.providerId = providerId
  record.providerModel = description.providerShieldId
}

/** One object for the clients of both generations. */
function toShield({ shieldId, providerId, providerShieldId, params }: RegisteredShield): Shield {
  return {
    identifier: shieldId,
    type: 'shield',
    provider_id: providerId,
    provider_resource_id: providerShieldId,
    params: { ...params },
  }
}
