/** What `npm start`, `npm test` and `npm run check` share. Plain JavaScript for Node 20: it runs before Node 24 is installed. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const bin = join(root, 'node_modules/.bin')
const installed = join(root, 'node_modules/.package-lock.json')
const built = join(root, 'packages/server/dist/.built')

/** The environment in which `node` is the Node 24 of this workspace. */
export const environment = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` }

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0
}

function newestMs(folder) {
  if (!existsSync(folder)) return 0
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((newest, entry) => Math.max(newest, modifiedMs(join(entry.parentPath, entry.name))), 0)
}

/** Runs a program with the workspace's Node first; ends this process with its code if it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, env: environment, stdio: 'inherit', ...options })
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** Installs what the lockfile names, when it is not there yet or the lockfile is newer. */
export function install() {
  if (modifiedMs(installed) >= modifiedMs(join(root, 'package-lock.json')) && existsSync(join(bin, 'node'))) return
  process.stderr.write('Installing what package-lock.json names …\n')
  const npm = process.env.npm_execpath
  if (npm === undefined) run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  else run(process.execPath, [npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

/** Builds the packages, when a source is newer than the last build. */
export function build() {
  const sources = ['packages/api/src', 'packages/server/src', 'packages/ui/src', 'distributions', 'tools'].map((path) =>
    newestMs(join(root, path)),
  )
  if (modifiedMs(built) > Math.max(modifiedMs(installed), ...sources)) return
  process.stderr.write('Building …\n')
  run('node', ['--conditions=llama-stack-source', 'tools/build.ts'])
  writeFileSync(built, '')
}

/** Becomes a program: its end is ours, our signals are its signals. */
export function become(command, args) {
  const child = spawn(command, args, { cwd: root, env: environment, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
}
