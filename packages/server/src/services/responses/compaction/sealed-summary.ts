/**
 * What a compaction item carries: the summary of what came before, for this server's eyes.
 *
 * It is encrypted with AES-256-GCM, so that a client keeps it without reading it and cannot change what a model will take
 * for its own words. Any server with the same key opens it; nothing has to be stored.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { StackError } from '@llama-stack/api'
import * as z from 'zod'
import type { SecretKeySource } from '../../../kernel/secret-key.ts'

export interface SummarySeal {
  /** What goes into `encrypted_content`. */
  seal(summary: string): string
  /**
   * The summary in an `encrypted_content`. One that is plain text is taken as it is: upstream's are. Throws `invalid_value`
   * where it was sealed with another key, or changed, or by another vendor.
   */
  open(encryptedContent: string): string
}

/** Tells ours from plain text, and later versions from this one. */
const PREFIX = 'lscmp1.'
const IV_BYTES = 12
const TAG_BYTES = 16

/** OpenAI's own are Fernet tokens: the version 0x80, and a time of this century. */
const OF_OPENAI = /^gAAAA[\w-]{60,}={0,2}$/

const Sealed = z.object({ v: z.literal(1), summary: z.string() })

/** Makes the seal. The key is asked for when it is first needed. */
export function createSummarySeal(keys: SecretKeySource): SummarySeal {
  return {
    seal(summary) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', keys.key(), iv).setAAD(Buffer.from(PREFIX))
      const plain = JSON.stringify({ v: 1, summary } satisfies z.infer<typeof Sealed>)
      const encrypted = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      return PREFIX + Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString('base64url')
    },
    open(encryptedContent) {
      if (encryptedContent.startsWith(PREFIX)) return decrypt(encryptedContent, keys)
      if (OF_OPENAI.test(encryptedContent)) throw refuse('it was encrypted by OpenAI, who alone can read it')
      return encryptedContent
    },
  }
}

function decrypt(sealed: string, keys: SecretKeySource): string {
  const bytes = Buffer.from(sealed.slice(PREFIX.length), 'base64url')
  const tag = bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES)
  if (tag.length < TAG_BYTES) throw refuse('it is cut short')
  try {
    const decipher = createDecipheriv('aes-256-gcm', keys.key(), bytes.subarray(0, IV_BYTES))
    decipher.setAAD(Buffer.from(PREFIX)).setAuthTag(tag)
    const plain = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
    return Sealed.parse(JSON.parse(plain.toString('utf8'))).summary
  } catch (cause) {
    throw refuse('it was changed, or made by a server with another key', cause)
  }
}

function refuse(reason: string, cause?: unknown): StackError {
  const details = {
    param: 'encrypted_content',
    problem: `the compaction item cannot be read: ${reason}`,
    fix: 'Send the items that it stands for, or compact them again with POST /v1/responses/compact.',
  }
  return new StackError('invalid_value', details, cause === undefined ? undefined : { cause })
}
