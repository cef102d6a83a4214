import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** The JSON lines of one run: a first line about the machine, then one per cell. */
export type ResultsFile = { readonly path: string; append(row: object): void }

/** Creates the file of a run in the directory, named after the time of the run and its workloads. */
export function createResultsFile(directory: string, workloads: readonly string[]): ResultsFile {
  mkdirSync(directory, { recursive: true })
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const path = join(directory, `${stamp}-${workloads.join('+')}.jsonl`)
  return { path, append: (row) => appendFileSync(path, `${JSON.stringify(row)}\n`) }
}
