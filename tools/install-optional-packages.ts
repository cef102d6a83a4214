/**
 * Installs the packages that the default install leaves out into a cache of the user, for the tests that need them, and prints
 * the folder for `LLAMA_STACK_OPTIONAL_PACKAGES`. No install script runs: none of what they would fetch is used.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { llamaPackage } from '../packages/server/src/providers/inference/_llama-engine.ts'
import { onnxRuntimePackage } from '../packages/server/src/providers/inference/_onnx-runtime.ts'

/** llama.cpp for the processor alone, by the names that Node and node-llama-cpp have for a platform. */
const LLAMA_BINARIES: Readonly<Record<string, string>> = Object.freeze({
  'linux-x64': '@node-llama-cpp/linux-x64',
  'linux-arm64': '@node-llama-cpp/linux-arm64',
  'darwin-x64': '@node-llama-cpp/mac-x64',
  'darwin-arm64': '@node-llama-cpp/mac-arm64-metal',
})

/** They are 370 MB on the disk. */
const INSTALL_BUDGET_MS = 180_000

const wanted = [onnxRuntimePackage, llamaPackage]
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'llama-stack')
const folder = join(cache, wanted.map(({ name, version }) => `${name}-${version}`).join('+'))

function install(): void {
  const binaries = LLAMA_BINARIES[`${process.platform}-${process.arch}`]
  if (binaries === undefined) throw new Error(`There is no llama.cpp for ${process.platform}-${process.arch}.`)
  const names = [...wanted, { name: binaries, version: llamaPackage.version }]
  mkdirSync(cache, { recursive: true })
  // The folder appears when it is whole.
  const staging = mkdtempSync(join(cache, 'staging-'))
  try {
    writeFileSync(join(staging, 'package.json'), '{ "private": true }')
    const options = ['--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    const patience = ['--fetch-retries=1', '--fetch-timeout=30000']
    const packages = names.map(({ name, version }) => `${name}@${version}`)
    const { status } = spawnSync('npm', ['install', '--prefix', staging, ...options, ...patience, ...packages], {
      cwd: staging,
      stdio: ['ignore', 2, 2],
      timeout: INSTALL_BUDGET_MS,
      killSignal: 'SIGKILL',
    })
    if (status !== 0) throw new Error('npm did not install them.')
    rmSync(folder, { recursive: true, force: true })
    renameSync(staging, folder)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

if (!existsSync(folder)) install()
console.log(folder)
