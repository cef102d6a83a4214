import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Unavailable } from '../harness/bench-error.ts'
import type { Program } from '../harness/supervisor.ts'
import { mockModel } from '../mock/bodies.ts'
import { toOursConfig, type OursConfig, type OursProvider } from './ours-config.ts'
import type { Site, TargetPlan } from './target.ts'

const providerId = 'bench'

/** The program as it is shipped: the built command line, run with a configuration file. */
export function toOursProgram(
  site: Site,
  config: Omit<OursConfig, 'directory'>,
  flags: readonly string[] = [],
): Program {
  const script = join(site.root, 'packages/server/dist/cli/main.js')
  if (!existsSync(script)) throw new Unavailable('packages/server/dist is not built (npm run build)')
  const file = join(site.directory, 'config.yaml')
  const temporary = join(site.directory, 'tmp')
  mkdirSync(temporary, { recursive: true })
  writeFileSync(file, toOursConfig({ ...config, directory: site.directory }))
  // Home and temporary files of its own: nothing from the person's machine is read, and the code cache is ours to empty.
  const env = { HOME: site.directory, TMPDIR: temporary, NODE_ENV: 'production' }
  const args = [script, 'run', file, '--port', String(site.port), ...flags]
  return { name: 'ours', command: process.execPath, args, env, cwd: site.directory }
}

/** The mock as the provider of a configuration. */
export function toMockProvider(site: Site): OursProvider {
  return { id: providerId, type: 'remote::openai', baseUrl: `http://127.0.0.1:${site.upstreamPort}/v1` }
}

/** The model of the mock under the name that it has in our server. */
export const oursModel = `${providerId}/${mockModel}`

function toOursTarget(name: string, store: boolean): TargetPlan {
  return {
    name,
    role: 'ours',
    model: oursModel,
    toHeaders: () => ({}),
    exact: false,
    toProgram: async (site) => toOursProgram(site, { providers: [toMockProvider(site)], store }),
  }
}

/** Our server with its defaults: what it served is kept. */
export const oursTarget = toOursTarget('ours', true)

/** Our server with the store switched off in the configuration. */
export const oursWithoutStoreTarget = toOursTarget('ours (store off)', false)
