/** Providers for the vendors that speak OpenAI's protocol: one definition per row of the dialect table. */
import type { AnyProviderDefinition } from '@llama-stack/api'
import { dialects } from './_dialect-table.ts'
import { defineOpenAiProvider } from './_openai-provider.ts'

/** One definition per vendor. */
export const providers: readonly AnyProviderDefinition<'inference'>[] = Object.freeze(
  dialects.map((dialect) => defineOpenAiProvider(dialect)),
)
