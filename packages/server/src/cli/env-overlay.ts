/** The environment of a server: the process's own, `.env` files of the working directory, `--env KEY=VALUE`. */
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { StackError } from '@llama-stack/api'
import { machineFiles } from '../config/config-files.ts'
import type { Environment } from './command.ts'

/** The merged variables and the files that had some. */
export interface EnvOverlay {
  readonly env: Environment
  /** Names of the files that were read, for the banner. */
  readonly files: readonly string[]
}

/** From the weakest to the strongest; the process's own variables beat both. */
const fileNames = ['.env', '.env.local']

/** Reads the files and merges: `--env` wins, then the process, then `.env.local`, then `.env`. */
export async function readEnvOverlay(
  cwd: string,
  env: Environment,
  assignments: readonly string[],
): Promise<EnvOverlay> {
  const files: string[] = []
  let merged: Environment = {}
  for (const name of fileNames) {
    const text = await machineFiles.readText(join(cwd, name)).catch(() => undefined)
    if (text === undefined) continue
    files.push(name)
    merged = { ...merged, ...parseEnv(text) }
  }
  return { env: { ...merged, ...env, ...parseAssignments(assignments) }, files }
}

/** Parses the values of `--env`. Throws `command_usage`, which never repeats a value: it may be a key. */
function parseAssignments(assignments: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(assignment) ?? []
      if (name !== undefined && value !== undefined) return [name, value]
      const shown = assignment.split('=')[0] ?? ''
      throw new StackError('command_usage', {
        problem: `--env '${shown}' is no assignment.`,
        fix: 'Write --env NAME=VALUE, once for each variable.',
      })
    }),
  )
}
