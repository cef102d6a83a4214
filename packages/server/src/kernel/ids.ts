/** Random ids with a prefix that says what they name. */
import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'

export interface Ids {
  /** A fresh id: the prefix and 24 characters of base 62 (142 bits). */
  random(prefix: string): string
  /**
   * A fresh id: the prefix and 48 hexadecimal digits (192 bits). Given a time, it begins with that (12 digits): an index of
   * such ids grows at its end only, which spares a store a page for each row.
   */
  hex(prefix: string, atMs?: number): string
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 24
const HEX_BYTES = 24
/** Enough until the year 10889. */
const TIME_DIGITS = 12
const POOL_BYTES = 4096

/** Draws ids from the system's random source, in pools: one system call serves many ids. */
export function createIds(): Ids {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
  let position = POOL_BYTES
  const nextByte = (): number => {
    if (position === POOL_BYTES) {
      fillRandom(pool)
      position = 0
    }
    return pool[position++] ?? 0
  }
  const drawn = Buffer.allocUnsafeSlow(LENGTH)
  return {
    random(prefix) {
      let found = 0
      while (found < LENGTH) {
        // 6 bits at a time; the two values beyond the alphabet are drawn again, so that all ids are equally likely.
        const index = nextByte() & 63
        if (index < ALPHABET.length) {
          drawn[found] = ALPHABET.charCodeAt(index)
          found += 1
        }
      }
      // One flat text: letters added one by one leave a chain of texts to whoever reads the id.
      return prefix + drawn.toString('latin1')
    },
    hex(prefix, atMs) {
      if (position + HEX_BYTES > POOL_BYTES) {
        fillRandom(pool)
        position = 0
      }
      const digits = pool.toString('hex', position, position + HEX_BYTES)
      position += HEX_BYTES
      if (atMs === undefined) return prefix + digits
      return prefix + atMs.toString(16).padStart(TIME_DIGITS, '0') + digits.slice(TIME_DIGITS)
    },
  }
}

/** The system's random source is a file on Linux; loading `node:crypto` for it costs a start more than all its ids. */
function fillRandom(pool: Uint8Array): void {
  if (process.platform !== 'linux' || !readRandom(pool)) randomFillSync(pool)
}

/** Whether the whole pool could be filled. */
function readRandom(pool: Uint8Array): boolean {
  let file: number | undefined
  try {
    file = openSync('/dev/urandom', 'r')
    return readSync(file, pool) === pool.length
  } catch {
    // A container without devices.
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
