import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findOptionalPackage, importOptionalPackage, toPackagesFolder } from './optional-package.ts'

const folder = mkdtempSync(join(tmpdir(), 'optional-packages-'))
const toWanted = (name: string) => ({ name, version: '1.2.3', purpose: 'This test' })

function install(name: string, source: string): void {
  const directory = join(folder, 'node_modules', name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({
      name,
      version: '1.2.3',
      type: 'module',
      exports: { '.': { import: './i.js', default: './i.js' } },
    }),
  )
  writeFileSync(join(directory, 'i.js'), source)
}

beforeAll(() => {
  install('sample-optional', 'export const answer = 42')
  install('sample-broken', "throw new Error('no such library: libsample.so')")
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('an optional package', () => {
  test('is imported from the folder that was named', async () => {
    const { answer } = await importOptionalPackage<{ answer: number }>(toWanted('sample-optional'), folder)
    expect(answer).toBe(42)
  })

  test('is found beside the program where no folder is named', () => {
    expect(findOptionalPackage(toWanted('zod'))).toMatch(/^file:.*node_modules\/zod\//)
    expect(findOptionalPackage(toWanted('zod'), folder)).toMatch(/node_modules\/zod\//)
    expect(findOptionalPackage(toWanted('zod'), '')).toMatch(/node_modules\/zod\//)
  })

  test('that is absent is an error with the command that installs it', async () => {
    expect(findOptionalPackage(toWanted('sample-absent'), folder)).toBeUndefined()
    await expect(importOptionalPackage(toWanted('sample-absent'), folder)).rejects.toMatchObject({
      code: 'optional_package_missing',
      status: 501,
      message:
        "This test needs the optional package 'sample-absent', which is not installed. Run: npm install sample-absent@1.2.3",
    })
  })

  test('says which variables its install needs', async () => {
    const wanted = { ...toWanted('sample-absent'), installEnv: { SAMPLE_INSTALL: 'skip' } }
    await expect(importOptionalPackage(wanted)).rejects.toThrow(
      'Run: SAMPLE_INSTALL=skip npm install sample-absent@1.2.3',
    )
  })

  test('that cannot be loaded is an error with its reason', async () => {
    await expect(importOptionalPackage(toWanted('sample-broken'), folder)).rejects.toMatchObject({
      code: 'optional_package_broken',
      message: expect.stringMatching(/libsample\.so.*npm install sample-broken@1\.2\.3$/) as string,
    })
  })

  test('is looked for where the setting says, else where the variable does', () => {
    const env = { LLAMA_STACK_OPTIONAL_PACKAGES: '/from/the/variable' }
    expect(toPackagesFolder('/from/the/setting', env)).toBe('/from/the/setting')
    expect(toPackagesFolder(undefined, env)).toBe('/from/the/variable')
    expect(toPackagesFolder(undefined, {})).toBeUndefined()
  })
})
