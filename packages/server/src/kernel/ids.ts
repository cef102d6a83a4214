/** Random ids with a prefix that says what they name. */
import { randomFillSync } from 'node:crypto'

export interface Ids {
  /** A fresh id: the prefix and 24 characters of base 62 (142 bits). */
  random(prefix: string): string
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 24
const POOL_BYTES = 4096

/** Draws ids from the system's random source, in pools: one system call serves many ids. */
export function createIds(): Ids {
  const pool = new Uint8Array(POOL_BYTES)
  let position = POOL_BYTES
  const nextByte = (): number => {
    if (position === POOL_BYTES) {
      randomFillSync(pool)
      position = 0
    }
    return pool[position++] ?? 0
  }
  return {
    random(prefix) {
      let id = prefix
      let missing = LENGTH
      while (missing > 0) {
        // 6 bits at a time; the two values beyond the alphabet are drawn again, so that all ids are equally likely.
        const index = nextByte() & 63
        if (index < ALPHABET.length) {
          id += ALPHABET.charAt(index)
          missing -= 1
        }
      }
      return id
    },
  }
}
