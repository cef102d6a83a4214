/** The lists of a file that name MCP servers: a wrong entry is found when the file is read, not when it is first used. */
import type { z } from 'zod'
import { parseOnce } from '../../kernel/parse-once.ts'
import type { ConfigPath } from '../config-path.ts'
import { ConnectorEntry, findTwins, ToolGroupEntry } from '../connector-entries.ts'
import type { ConnectorLists } from '../connector-entries.ts'
import { explainIssue, toConfigPath } from '../explain-issue.ts'
import type { DialectInput } from './dialect-input.ts'

/** The entries of a list and where it stands. */
export interface WrittenList {
  readonly entries: readonly Readonly<Record<string, unknown>>[]
  readonly path: ConfigPath
  /** Those that count, where some are off. */
  readonly kept?: readonly unknown[]
}

/** Checks both lists; their faults are with the findings. What it gives has those that can be used. */
export function readConnectorLists(
  written: Readonly<Record<keyof ConnectorLists, WrittenList>>,
  input: DialectInput,
): ConnectorLists {
  const connectors = readList(ConnectorEntry, written.connectors, input)
  const groups = readList(ToolGroupEntry, written.tool_groups, input)
  const lists = { connectors: connectors.map(({ entry }) => entry), tool_groups: groups.map(({ entry }) => entry) }
  const places = { connectors, tool_groups: groups }
  const twins = new Set<unknown>()
  for (const { list, index, key, id } of findTwins(lists)) {
    const { entry, path } = places[list][index] ?? { path: [] }
    twins.add(entry)
    input.findings.fault([...path, key], {
      problem: `There is another connector '${id}' before this one.`,
      fix: 'Rename one of the two.',
    })
  }
  return {
    connectors: lists.connectors.filter((entry) => !twins.has(entry)),
    tool_groups: lists.tool_groups.filter((entry) => !twins.has(entry)),
  }
}

interface ReadEntry<Entry> {
  readonly entry: Entry
  readonly path: ConfigPath
}

function readList<Schema extends z.ZodType>(
  schema: Schema,
  { entries, path: listPath, kept = entries }: WrittenList,
  { findings }: DialectInput,
): readonly ReadEntry<z.output<Schema>>[] {
  return entries.flatMap((entry, index) => {
    if (!kept.includes(entry)) return []
    const path = [...listPath, index]
    const read = schema.safeParse(entry, parseOnce)
    if (read.success) return [{ entry: read.data, path }]
    for (const issue of read.error.issues) {
      const at = [...path, ...toConfigPath(issue.path)]
      findings.fault(at, explainIssue(issue, findings.sourcePath(at), entry))
    }
    return []
  })
}
