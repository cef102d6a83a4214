/** What a provider of safety implements: judging messages by a shield. */
import type { JsonObject } from './context.ts'
import type { ProviderCall } from './provider.ts'

/** A configured or registered policy. */
export interface ShieldDescription {
  readonly id: string
  /** The provider's own name of it: for Llama Guard a model id. */
  readonly providerShieldId: string
  readonly params: JsonObject
}

/** A message as shields see it: whatever it held, its text. */
export interface ShieldMessage {
  readonly role: 'user' | 'assistant' | 'tool' | 'system'
  readonly text: string
}

/** Why content may not pass. */
export interface ShieldViolation {
  readonly level: 'info' | 'warn' | 'error'
  /** May be shown to a user. */
  readonly userMessage: string
  /** Names of what was found: `violence`, `pii/email`. */
  readonly categories: readonly string[]
  readonly metadata: JsonObject
}

export interface ShieldVerdict {
  /** Undefined: nothing was found. */
  readonly violation?: ShieldViolation
  /** From 0 to 1 by category, where the provider scores. */
  readonly scores?: Readonly<Record<string, number>>
}

/**
 * Judges a text that grows, without judging again what it has judged: guardrails over streamed output. Where a shield cannot
 * (it asks a model), it has none, and whoever streams asks for verdicts of windows of the text.
 */
export interface GrowingTextCheck {
  /** Tells the next piece; a violation that the text has now. */
  add(piece: string): ShieldViolation | undefined
  /** Tells that nothing follows. */
  end(): ShieldViolation | undefined
  /** How many of the last characters may still become part of a violation, and so should not be shown yet. */
  readonly undecided: number
}

/** A provider of safety. */
export interface SafetyProvider {
  /** Rejects with a `provider_*` error where it cannot judge: nothing passes because a shield failed. */
  judge(shield: ShieldDescription, messages: readonly ShieldMessage[], call: ProviderCall): Promise<ShieldVerdict>
  /** Absent: it can only judge whole texts. */
  openCheck?(shield: ShieldDescription, role: 'user' | 'assistant'): GrowingTextCheck
  [Symbol.asyncDispose]?(): Promise<void>
}
