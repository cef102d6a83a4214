/** From a dialect to a provider's definition. */
import { defineProvider } from '@llama-stack/api'
import type { AnyProviderDefinition, InferenceProvider, ProviderEnvironment } from '@llama-stack/api'
import type { Dialect } from './_dialect.ts'
import { createEntraAccess, findEntraIdentity } from './_entra-access.ts'
import { createOpenAiProtocol } from './_openai-protocol.ts'
import { toProtocolContext } from './_protocol-context.ts'
import type { ProtocolInput } from './_protocol-context.ts'
import { toCredentialFacts, toSettingsSchema, whyOff } from './_provider-settings.ts'
import type { ProviderSettings } from './_provider-settings.ts'

/** What a vendor with a file of its own does in its own way. */
export interface OwnWays {
  /** Why an instance cannot serve. Default: no URL, or no credential. */
  off?(settings: ProviderSettings, env: ProviderEnvironment): string | undefined
  /** Default: the protocol, with the credential as the dialect has it. */
  create?(input: ProtocolInput): InferenceProvider
}

/** Declares the provider of a vendor that speaks OpenAI's protocol. */
export function defineOpenAiProvider(dialect: Dialect, own: OwnWays = {}): AnyProviderDefinition<'inference'> {
  let schema: ReturnType<typeof toSettingsSchema> | undefined
  return defineProvider({
    api: 'inference',
    type: dialect.type,
    description: dialect.description,
    // Built when it is asked for: a start with one vendor must not pay for the schemas of all.
    get config() {
      return (schema ??= toSettingsSchema(dialect))
    },
    credential: toCredentialFacts(dialect),
    off: (settings, env = {}) =>
      own.off === undefined ? whyOff(dialect, settings, hasIdentity(dialect, settings, env)) : own.off(settings, env),
    create: (input) => own.create?.(input) ?? createByFacts(dialect, input),
  })
}

function hasIdentity(dialect: Dialect, settings: ProviderSettings, env: ProviderEnvironment): boolean {
  return dialect.identity === 'entra' && findEntraIdentity(settings, env) !== undefined
}

function createByFacts(dialect: Dialect, input: ProtocolInput): InferenceProvider {
  const access = dialect.identity === 'entra' ? createEntraAccess(input) : undefined
  return createOpenAiProtocol(toProtocolContext(dialect, input, access))
}
