/** What `llama doctor` says of keys, local engines, models in files and the running server. */
import { isStackError } from '@llama-stack/api'
import type { CommandContext } from './command.ts'
import { detect } from './detect.ts'
import type { Detection } from './detect.ts'
import type { Check, DoctorOptions } from './doctor.ts'
import { readEnvOverlay } from './env-overlay.ts'
import { findKeyedProviders } from './keyed-providers.ts'
import { localEngines } from './local-engines.ts'
import { fileKinds } from './local-files.ts'
import { isRecord } from '../kernel/json-record.ts'
import { toServerClient } from './server-client.ts'
import type { ServerClient } from './server-client.ts'
import { listServerProviders } from './server-providers.ts'
import type { ServerProvider } from './server-providers.ts'
import { secretEnding, toTerminal } from './terminal.ts'

/** Looks for keys, engines and files, and asks the running server for the health of its providers. */
export async function checkServices(options: DoctorOptions, context: CommandContext): Promise<readonly Check[]> {
  const [overlay, keyed] = await Promise.all([readEnvOverlay(context.cwd, context.env, []), findKeyedProviders()])
  const [detection, server] = await Promise.all([
    detect({ env: overlay.env, home: context.home, fetch: context.fetch, probe: true, keyed }),
    checkServer(options, context),
  ])
  return [...toEngineChecks(detection), ...toFileChecks(detection), ...toKeyChecks(detection, context), ...server]
}

function toEngineChecks({ engines }: Detection): readonly Check[] {
  return localEngines.map((engine): Check => {
    const area = 'providers'
    const name = engine.label
    const found = engines.find((candidate) => candidate.engine === engine)
    if (found === undefined) return { area, name, status: 'off', message: `nothing on 127.0.0.1:${engine.port}` }
    const { url, state, models } = found
    if (state === 'silent') {
      const variables = engine.env.join(' or ')
      return {
        area,
        name,
        status: 'failed',
        message: `${url} does not answer`,
        fix: `start it, or correct ${variables}`,
      }
    }
    if (state === 'unchecked')
      return { area, name, status: 'ok', message: `${url}, named by the environment, on another machine, not asked` }
    if (models.length === 0)
      return { area, name, status: 'warning', message: `${url} has no models`, fix: engine.whenEmpty }
    return { area, name, status: 'ok', message: `${url}, ${models.length} ${models.length === 1 ? 'model' : 'models'}` }
  })
}

function toFileChecks({ files }: Detection): readonly Check[] {
  return fileKinds.map((kind): Check => {
    const found = files.find((candidate) => candidate.kind === kind)
    const base = { area: 'providers', name: kind.label } as const
    if (found === undefined) return { ...base, status: 'off', message: 'none: llama models pull --help' }
    const message = `${found.models.length} ${found.models.length === 1 ? 'model' : 'models'}`
    if (found.install === undefined) return { ...base, status: 'ok', message }
    return { ...base, status: 'warning', message: `${message}, nothing to run them with`, fix: found.install }
  })
}

function toKeyChecks({ keys }: Detection, context: CommandContext): readonly Check[] {
  const { ellipsis } = toTerminal(context.stdout, context.env).symbols
  if (keys.length === 0) {
    return [{ area: 'providers', name: 'keys', status: 'off', message: 'none in the environment, .env or .env.local' }]
  }
  return keys.map(({ providerType, variable, key }) => ({
    area: 'providers',
    name: providerType,
    status: 'ok',
    message: `${variable} ${secretEnding(key, ellipsis)}`,
  }))
}

async function checkServer(options: DoctorOptions, context: CommandContext): Promise<readonly Check[]> {
  const client = toServerClient(
    options,
    context.fetch,
    AbortSignal.any([context.interrupts.signal, AbortSignal.timeout(5000)]),
  )
  try {
    const version = await client.get('/v1/version')
    const number =
      isRecord(version) && typeof version['version'] === 'string' ? version['version'] : 'of unknown version'
    const message = `${options.url}, Llama Stack ${number}`
    return [{ area: 'server', name: 'server', status: 'ok', message }, ...(await checkProviders(client))]
  } catch (error) {
    if (isStackError(error, 'server_unreachable')) {
      return [{ area: 'server', name: 'server', status: 'off', message: `none runs at ${options.url}`, fix: 'llama' }]
    }
    const message = error instanceof Error ? error.message : String(error)
    return [{ area: 'server', name: 'server', status: 'failed', message, fix: 'give its key with --key' }]
  }
}

async function checkProviders(client: ServerClient): Promise<readonly Check[]> {
  const providers = await listServerProviders(client)
  return providers.map((provider): Check => {
    const status = ({ OK: 'ok', Error: 'failed' } as const)[provider.status] ?? 'off'
    const message = describe(provider)
    const { fix } = provider
    return { area: 'server', name: provider.id, status, message, ...(fix !== undefined && { fix }) }
  })
}

/** What it says, its calls, and which of its models are left alone. */
function describe({ status, message, calls, failures, unavailable }: ServerProvider): string {
  const counted = calls === undefined || failures === 0 ? undefined : `${failures} of ${calls} calls failed lately`
  const alone = unavailable.length === 0 ? undefined : `left alone: ${unavailable.join(', ')}`
  return [message ?? status, counted, alone].filter((part) => part !== undefined).join('; ')
}
