import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeyFile, createPassingKey } from './secret-key.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'key-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

test('a key is made at its first use, for its owner only, and found again', () => {
  const path = join(folder, 'below', 'key')
  const source = createKeyFile(path)
  expect(readdirSync(folder)).toEqual([])
  const key = source.key()
  expect(key).toHaveLength(32)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(folder, 'below'))).toEqual(['key'])
  expect(source.key()).toBe(key)
  expect(Buffer.from(createKeyFile(path).key())).toEqual(Buffer.from(key))
})

test('a file that holds something else is left alone', () => {
  const path = join(folder, 'key')
  writeFileSync(path, 'mine')
  expect(() => createKeyFile(path).key()).toThrow('holds no key')
  expect(readFileSync(path, 'utf8')).toBe('mine')
})

test('a folder that cannot be written to is told', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => createKeyFile(join(folder, 'file', 'key')).key()).toThrow('The key file cannot be opened')
})

test('a passing key is another each time', () => {
  const source = createPassingKey()
  expect(source.key()).toBe(source.key())
  expect(createPassingKey().key()).not.toEqual(source.key())
})
