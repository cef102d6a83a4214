/** The shields of a configuration. */
import { StackError } from '@llama-stack/api'
import type { JsonObject } from '@llama-stack/api'
import * as z from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import type { RegisteredShield } from '../../storage/storage.ts'

const DeclaredShield = lateSchema(() =>
  z.strictObject({
    shield_id: z.string().min(1),
    provider_id: z.string().nullish(),
    provider_shield_id: z.string().nullish(),
    params: z.record(z.string(), z.json()).nullish(),
  }),
)

/**
 * Reads the entries of `shields`. One that names no provider belongs to the only one there is. Throws `config_invalid`.
 * An entry whose provider is not started is left out: configurations name shields of providers that a build may lack.
 */
export function parseDeclaredShields(
  entries: readonly Readonly<Record<string, unknown>>[],
  providerIds: readonly string[],
): readonly RegisteredShield[] {
  return entries.flatMap((entry, index) => {
    const parsed = DeclaredShield.safeParse(entry)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw invalid(`shields[${index}] is wrong: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`)
    }
    const { shield_id: shieldId, provider_id: named, provider_shield_id: providerShieldId, params } = parsed.data
    const providerId = named ?? (providerIds.length === 1 ? providerIds[0] : undefined)
    if (providerId === undefined) {
      throw invalid(`Shield '${shieldId}' names no provider, and there are ${providerIds.length}.`, providerIds)
    }
    if (!providerIds.includes(providerId)) return []
    const settings: JsonObject = params ?? {}
    return [{ shieldId, providerId, providerShieldId: providerShieldId ?? shieldId, params: settings }]
  })
}

/** Reads the default shield of the `safety` block. Which shields there are is seen when it is used: callers register some. */
export function parseDefaultShieldId(settings: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const id = settings?.['default_shield_id'] ?? undefined
  if (id === undefined || id === '') return undefined
  if (typeof id === 'string') return id
  throw invalid('safety.default_shield_id is no text.')
}

function invalid(problem: string, providerIds: readonly string[] = []): StackError {
  return new StackError('config_invalid', {
    file: 'the configuration',
    problem,
    fix:
      providerIds.length === 0
        ? 'Give it a shield_id, a provider_id, and where needed a provider_shield_id and params.'
        : `Add provider_id: one of ${providerIds.join(', ')}.`,
  })
}
