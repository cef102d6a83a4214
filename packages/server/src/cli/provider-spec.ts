/** `--providers api=type,api=type`: a configuration in one line, with upstream's overrides `?key=value&key=value`. */
import { StackError } from '@llama-stack/api'
import type { StackConfigInput } from '../config/stack-config.ts'
import { findNearest } from '../kernel/nearest.ts'
import { providerRegistry } from '../providers/registry.gen.ts'
import type { Environment } from './command.ts'
import { toProviderId } from './detected-config.ts'

type ProviderInput = NonNullable<StackConfigInput['providers']>[number]

/** Parses the line. A provider's key comes from its own variable unless the line gives one. Throws `command_usage`. */
export async function parseProviderSpec(line: string, env: Environment): Promise<readonly ProviderInput[]> {
  const entries = line.split(/[,;]/).filter((entry) => entry.trim() !== '')
  if (entries.length === 0) throw usage('--providers names no provider.', 'Write --providers inference=remote::ollama.')
  const providers: ProviderInput[] = []
  for (const entry of entries) {
    const provider = await parseEntry(entry.trim(), env)
    const taken = providers.filter(({ id }) => id === provider.id || id.startsWith(`${provider.id}-`)).length
    providers.push(taken === 0 ? provider : { ...provider, id: `${provider.id}-${taken + 1}` })
  }
  return providers
}

async function parseEntry(entry: string, env: Environment): Promise<ProviderInput> {
  const [, api = '', type = '', overrides = ''] = /^([^=?]+)=([^?]+)(?:\?(.*))?$/.exec(entry) ?? []
  // The part after the question mark may hold a key: it is not repeated.
  const shown = entry.split('?')[0] ?? ''
  if (api === '' || type === '')
    throw usage(`'${shown}' names no provider.`, 'Write api=type: inference=remote::ollama.')
  const types = providerRegistry[api]
  if (types === undefined) throw unknown('API', api, Object.keys(providerRegistry))
  const load = types[type]
  if (load === undefined) throw unknown('provider type', type, Object.keys(types))
  const { credential } = await load()
  const key = credential?.env === undefined ? undefined : env[credential.env]
  const config = { ...(key ? { api_key: key } : {}), ...Object.fromEntries(new URLSearchParams(overrides)) }
  return { api, id: toProviderId(type), type, config }
}

function unknown(what: string, name: string, candidates: readonly string[]): StackError {
  const nearest = findNearest(name, candidates)
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`
  return usage(`--providers: no ${what} '${name}' is served.${hint}`, 'List them: llama stack list-providers')
}

function usage(problem: string, fix: string): StackError {
  return new StackError('command_usage', { problem, fix })
}
