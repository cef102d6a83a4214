/** The distributions that can be started by name. */
import { join } from 'node:path'
import { machineFiles } from '../config/config-files.ts'
import { configHomes, listDistributions } from '../config/find-config.ts'
import type { CommandContext } from './command.ts'
import { findShippedDistributions } from './config-input.ts'
import { toHomePath } from './home-path.ts'

export interface ListedDistribution {
  readonly name: string
  /** `shipped`, or the folder that it was built in. */
  readonly from: string
}

/** Shipped ones first, then those that upstream's tools built under `~/.llama` and `~/.ogx`. */
export async function listAllDistributions({ env, home }: CommandContext): Promise<readonly ListedDistribution[]> {
  const distributionsDir = await findShippedDistributions()
  const shipped = await listDistributions({ files: machineFiles, distributionsDir })
  const homes = configHomes({ env, home })
  const built = await Promise.all(
    [homes.llamaStack, homes.ogx].map((base) => listBuilt(join(base, 'distributions'), home)),
  )
  return [...shipped.map((name) => ({ name, from: 'shipped' })), ...built.flat()]
}

async function listBuilt(folder: string, home: string): Promise<readonly ListedDistribution[]> {
  const names = await machineFiles.list(folder)
  const files = await Promise.all(names.map((name) => machineFiles.list(join(folder, name))))
  // A folder without a configuration is where a distribution keeps its data.
  return names
    .filter((_, index) => files[index]?.some((file) => file.endsWith('.yaml')) === true)
    .map((name) => ({ name: name.replace(/^(?:llamastack|ogx)-/, ''), from: toHomePath(folder, home) }))
}
