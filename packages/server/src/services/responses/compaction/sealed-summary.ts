/**
 * What a compaction item carries, for this server's eyes: the summary of what came before, or, where the loop itself made
 * the item, the whole history that it went on with, so that the item stands for everything before it.
 *
 * It is encrypted with AES-256-GCM, so that a client keeps it without reading it and cannot change what a model will take
 * for its own words. Any server with the same key opens it; nothing has to be stored.
 */
import { StackError } from '@llama-stack/api'
import type { ChatMessage } from '@llama-stack/api'
import type { SecretKeySource } from '../../../kernel/secret-key.ts'
import { createTextSeal } from '../../../kernel/text-seal.ts'

export interface SummarySeal {
  /** What goes into `encrypted_content`. */
  seal(summary: string): string
  /**
   * The summary in an `encrypted_content`. One that is plain text is taken as it is: upstream's are. Throws `invalid_value`
   * where it was sealed with another key, or changed, or by another vendor.
   */
  open(encryptedContent: string): string
  sealHistory(messages: readonly ChatMessage[]): string
  /** The history in an `encrypted_content`; undefined where it has a summary. Throws as {@link SummarySeal.open} does. */
  openHistory(encryptedContent: string): readonly ChatMessage[] | undefined
}

/** Tells ours from plain text, and later versions from this one. */
const PREFIX = 'lscmp2.'
const HISTORY_PREFIX = 'lscmph1.'

/** OpenAI's own are Fernet tokens: the version 0x80, and a time of this century. */
const OF_OPENAI = /^gAAAA[\w-]{60,}={0,2}$/

/** Makes the seal. The key is asked for when it is first needed. */
export function createSummarySeal(keys: SecretKeySource): SummarySeal {
  const seal = createTextSeal(keys, PREFIX)
  const histories = createTextSeal(keys, HISTORY_PREFIX)
  return {
    sealHistory: (messages) => histories.seal(JSON.stringify(messages)),
    openHistory(encryptedContent) {
      if (!histories.isSealed(encryptedContent)) return undefined
      const text = histories.open(encryptedContent)
      if (text === undefined) throw refuse('it was changed, or made by a server with another key')
      // Nobody else can have sealed it.
      return JSON.parse(text) as readonly ChatMessage[]
    },
    seal: (summary) => seal.seal(summary),
    open(encryptedContent) {
      if (OF_OPENAI.test(encryptedContent)) throw refuse('it was encrypted by OpenAI, who alone can read it')
      if (!seal.isSealed(encryptedContent)) return encryptedContent
      const summary = seal.open(encryptedContent)
      if (summary === undefined) throw refuse('it was changed, or made by a server with another key')
      return summary
    },
  }
}

function refuse(reason: string): StackError {
  return new StackError('invalid_value', {
    param: 'encrypted_content',
    problem: `the compaction item cannot be read: ${reason}`,
    fix: 'Send the items that it stands for, or compact them again with POST /v1/responses/compact.',
  })
}
