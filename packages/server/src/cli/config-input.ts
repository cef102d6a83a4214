/** What reading a configuration depends on, as the command line has it. */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machineFiles } from '../config/config-files.ts'
import { findDistributionsDir } from '../config/find-config.ts'
import type { LoadConfigInput } from '../config/load-config.ts'
import { servedProviderTypes } from '../stack.ts'
import type { CommandContext } from './command.ts'

export type ConfigInput = Pick<LoadConfigInput, 'source' | 'cwd' | 'home' | 'servedTypes' | 'distributionsDir'>

/** Everything but the variables and the options. */
export async function findConfigFile({ cwd, home }: CommandContext, source: string | undefined): Promise<ConfigInput> {
  return { source, cwd, home, servedTypes: servedProviderTypes(), distributionsDir: await findShippedDistributions() }
}

/** The folder of the shipped distributions; empty where this build has none. */
export async function findShippedDistributions(): Promise<string> {
  return (await findDistributionsDir(dirname(fileURLToPath(import.meta.url)), machineFiles)) ?? ''
}
