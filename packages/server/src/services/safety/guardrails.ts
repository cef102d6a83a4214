/** Shields around the answers of a model: over what goes in, and over what comes out while it is written. */
import type { Log, ProviderCall, ShieldMessage, ShieldVerdict } from '@llama-stack/api'
import { Jury } from './jury.ts'
import type { GuardrailHit } from './jury.ts'
import type { ReadyShield } from './shield-book.ts'
import { StreamGuard } from './stream-guard.ts'
import type { OutputGuard } from './stream-guard.ts'

/** The shields of one response. */
export interface Guardrails {
  /** Judges what is new of what goes in; undefined where it may pass. Rejects where a shield cannot judge. */
  checkInput(messages: readonly ShieldMessage[], call: ProviderCall): Promise<GuardrailHit | undefined>
  /** Begins to judge an answer, from its first character. */
  openOutput(call: ProviderCall): OutputGuard
}

export interface GuardrailsOptions {
  readonly shields: readonly ReadyShield[]
  readonly log: Log
  /**
   * Whether shields that are models are given the whole text again each time, as from the user: how upstream asks, and so
   * what its recordings answer. Default: false, for that is quadratic.
   */
  readonly cumulative?: boolean
}

/** Creates the guardrails of one response. The first shield of the list that objects is the one that is named. */
export function toGuardrails({ shields, log, cumulative = false }: GuardrailsOptions): Guardrails {
  const jury = new Jury(shields, log)
  return {
    checkInput: (messages, call) => jury.firstHit((shield) => judgeInput({ shield, messages, cumulative, call })),
    openOutput: (call) => new StreamGuard({ shields, jury, cumulative, call }),
  }
}

interface InputCase {
  readonly shield: ReadyShield
  readonly messages: readonly ShieldMessage[]
  readonly cumulative: boolean
  readonly call: ProviderCall
}

/** A shield that is a model judges the last message of what it is shown: each of several is shown by itself. */
function judgeInput({ shield, messages, cumulative, call }: InputCase): Promise<readonly ShieldVerdict[]> {
  const { provider, description } = shield
  const groups =
    provider.openCheck !== undefined
      ? [messages]
      : cumulative
        ? [[{ role: 'user' as const, text: messages.map(({ text }) => text).join(' ') }]]
        : joinByRole(messages).map((message) => [message])
  return Promise.all(groups.map((group) => provider.judge(description, group, call)))
}

/** Neighbours of one role as one message. */
function joinByRole(messages: readonly ShieldMessage[]): ShieldMessage[] {
  const joined: ShieldMessage[] = []
  for (const message of messages) {
    const last = joined.at(-1)
    if (last?.role === message.role) joined[joined.length - 1] = { ...last, text: `${last.text}\n${message.text}` }
    else joined.push(message)
  }
  return joined
}
