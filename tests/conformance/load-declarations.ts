/** Who takes part in the conformance suite: every file of `providers/` exports `declarations`. */
import { readdirSync } from 'node:fs'
import type { ConformanceDeclaration } from '../../packages/server/src/testing/conformance/declaration.ts'

/** Loads all declarations, in the order of the files' names. */
export async function loadDeclarations(): Promise<readonly ConformanceDeclaration[]> {
  const folder = new URL('providers/', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
  const modules = await Promise.all(
    files.toSorted().map(async (file) => {
      // A file without the export fails below, where it is iterated.
      const { declarations } = (await import(new URL(file, folder).href)) as {
        declarations: readonly ConformanceDeclaration[]
      }
      return [...declarations]
    }),
  )
  return modules.flat()
}
