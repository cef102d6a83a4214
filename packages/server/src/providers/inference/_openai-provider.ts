/** From a dialect to a provider's definition. */
import { defineProvider } from '@llama-stack/api'
import type { AnyProviderDefinition } from '@llama-stack/api'
import type { Dialect } from './_dialect.ts'
import { createOpenAiProtocol } from './_openai-protocol.ts'
import { toCredentialFacts, toSettingsSchema, whyOff } from './_provider-settings.ts'

/** Declares the provider of a vendor that speaks OpenAI's protocol. */
export function defineOpenAiProvider(dialect: Dialect): AnyProviderDefinition {
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
    off: (settings) => whyOff(dialect, settings),
    create: (input) => createOpenAiProtocol(dialect, input),
  })
}
