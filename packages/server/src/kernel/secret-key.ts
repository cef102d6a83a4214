/** The key that this server seals with what clients keep for it and nobody may change. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes, randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { StackError } from '@llama-stack/api'
import { lazy } from './lazy.ts'

/** Where a key comes from. */
export interface SecretKeySource {
  /** 32 bytes, the same at every call. */
  key(): Uint8Array
}

const KEY_BYTES = 32

/** A key that ends with the process. */
export function createPassingKey(): SecretKeySource {
  return { key: lazy(() => randomBytes(KEY_BYTES)) }
}

/**
 * A key in a file that only its owner may read, made at the first use. Servers that share the folder share the key,
 * whichever is first. Throws `storage_failed` where the file cannot be made, or holds something else.
 */
export function createKeyFile(path: string): SecretKeySource {
  return { key: lazy(() => openKey(path)) }
}

function openKey(path: string): Uint8Array {
  try {
    const key = findKey(path) ?? makeKey(path)
    if (key?.length === KEY_BYTES) return key
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StackError('storage_failed', { reason: `The key file cannot be opened: ${reason}` }, { cause })
  }
  throw new StackError('storage_failed', { reason: `${path} holds no key of ${KEY_BYTES} bytes in base64` })
}

function findKey(path: string): Uint8Array | undefined {
  try {
    return Buffer.from(readFileSync(path, 'utf8').trim(), 'base64')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function makeKey(path: string): Uint8Array | undefined {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // A link appears with its content, or not at all because another server's is there.
  const draft = `${path}.${randomUUID()}`
  try {
    writeFileSync(draft, randomBytes(KEY_BYTES).toString('base64'), { mode: 0o600, flag: 'wx' })
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return findKey(path)
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
