/** The server's settings, each from the most specific place that has it: option, environment, file, default. */
import { StackError } from '@llama-stack/api'
import type { FileServerSettings } from './dialects/server-block.ts'
import { ServerSettings } from './stack-config.ts'
import { parseOnce } from '../kernel/parse-once.ts'

/** The options of the command line that concern the server. */
export interface ServerOverrides {
  readonly port?: number
  readonly host?: string
  readonly workers?: number
}

type Environment = Readonly<Record<string, string | undefined>>

/** Upstream ignores the port in the file; here it counts, after `--port` and the environment. */
export function settleServer(file: FileServerSettings, overrides: ServerOverrides, env: Environment): ServerSettings {
  const port = overrides.port ?? portOf(env)
  return ServerSettings.parse(
    {
      ...file,
      ...(port === undefined ? {} : { port }),
      ...(overrides.host === undefined ? {} : { host: overrides.host }),
      ...(overrides.workers === undefined ? {} : { workers: overrides.workers }),
      apiKeys: [...new Set([...(file.apiKeys ?? []), ...keysOf(env)])],
    },
    parseOnce,
  )
}

const PORT_VARIABLES = ['LLAMA_STACK_PORT', 'OGX_PORT'] as const
const KEY_VARIABLES = ['LLAMA_STACK_API_KEY', 'OGX_API_KEY'] as const
const MAX_PORT = 65_535

function portOf(env: Environment): number | undefined {
  const variable = PORT_VARIABLES.find((name) => (env[name] ?? '') !== '')
  if (variable === undefined) return undefined
  const text = (env[variable] ?? '').trim()
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (port <= MAX_PORT) return port
  throw new StackError('config_env', {
    variable,
    file: 'environment',
    problem: `${variable} is "${text}", which is no port.`,
    fix: `Set it to a number from 0 to ${MAX_PORT}, or unset it.`,
  })
}

function keysOf(env: Environment): readonly string[] {
  return KEY_VARIABLES.map((name) => env[name] ?? '').filter((key) => key !== '')
}
