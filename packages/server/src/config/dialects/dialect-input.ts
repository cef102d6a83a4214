/** What a dialect reads from. */
import type { ConfigDocument } from '../config-document.ts'
import type { ConfigFindings } from '../config-findings.ts'
import type { EnvTree } from '../env-tree.ts'

/** The provider types that the build can start, by API. */
export type ServedTypes = Readonly<Record<string, readonly string[]>>

/** One file after substitution, and the world around it. */
export interface DialectInput {
  readonly document: ConfigDocument
  readonly tree: EnvTree
  readonly findings: ConfigFindings
  readonly servedTypes: ServedTypes
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly cwd: string
  /** Where each generation keeps its distributions: `~/.llama` and `~/.ogx`. */
  readonly configHomes: { readonly llamaStack: string; readonly ogx: string }
  /** Settled before the file is asked: a command-line option. */
  readonly dataDir?: string
}

/** Tells whether any served type is of this API. */
export function servesApi(input: DialectInput, api: string): boolean {
  return (input.servedTypes[api] ?? []).length > 0
}
