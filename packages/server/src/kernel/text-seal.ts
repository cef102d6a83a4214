/** Texts that clients keep for the server, or the server for itself, and that nobody else can read or change. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { SecretKeySource } from './secret-key.ts'

export interface TextSeal {
  seal(text: string): string
  /** Whether a text says that it was sealed for this purpose. */
  isSealed(text: string): boolean
  /** The text; undefined where it was changed, cut, or sealed with another key. */
  open(sealed: string): string | undefined
}

const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals with AES-256-GCM. What is sealed begins with the prefix, which is authenticated too, so that what was sealed for one
 * purpose cannot be opened for another. The key is asked for when it is first needed.
 */
export function createTextSeal(keys: SecretKeySource, prefix: string): TextSeal {
  const purpose = Buffer.from(prefix)
  return {
    seal(text) {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', keys.key(), iv).setAAD(purpose)
      const encrypted = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return prefix + Buffer.concat([iv, cipher.getAuthTag(), encrypted]).toString('base64url')
    },
    isSealed: (text) => text.startsWith(prefix),
    open(sealed) {
      const bytes = Buffer.from(sealed.slice(prefix.length), 'base64url')
      const tag = bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES)
      if (!sealed.startsWith(prefix) || tag.length < TAG_BYTES) return undefined
      try {
        const decipher = createDecipheriv('aes-256-gcm', keys.key(), bytes.subarray(0, IV_BYTES))
        decipher.setAAD(purpose).setAuthTag(tag)
        const rest = bytes.subarray(IV_BYTES + TAG_BYTES)
        return Buffer.concat([decipher.update(rest), decipher.final()]).toString('utf8')
      } catch {
        // The tag does not fit: it is not what was sealed.
        return undefined
      }
    },
  }
}
