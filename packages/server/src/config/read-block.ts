/** One block of a file against its schema: unknown keys are noted and left out, everything else that is wrong is a fault. */
import type { z } from 'zod'
import { findNearest } from '../kernel/nearest.ts'
import type { ConfigFindings } from './config-findings.ts'
import type { ConfigPath } from './config-path.ts'
import { formatPath } from './config-path.ts'
import { explainIssue, knownKeysAt, toConfigPath, valueAt } from './explain-issue.ts'
import { parseOnce } from '../kernel/parse-once.ts'

/** A value of the substituted tree and where it stands there. */
export interface ConfigBlock {
  readonly value: unknown
  readonly path: ConfigPath
  /** What to say about keys that this schema does not know but that have a meaning elsewhere. */
  readonly hints?: Readonly<Record<string, string>>
}

/** Reads a block. Undefined: its faults are with the findings. */
export function readBlock<Schema extends z.ZodType>(
  schema: Schema,
  block: ConfigBlock,
  findings: ConfigFindings,
): z.output<Schema> | undefined {
  const strict = schema.safeParse(block.value, parseOnce)
  if (strict.success) return strict.data
  const known = structuredClone(block.value)
  for (const issue of strict.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue
    const holder = valueAt(known, issue.path)
    for (const key of issue.keys) {
      if (typeof holder === 'object' && holder !== null) Reflect.deleteProperty(holder, key)
      noteUnknownKey({ schema, block, at: issue.path, key }, findings)
    }
  }
  const result = schema.safeParse(known, parseOnce)
  if (result.success) return result.data
  for (const issue of result.error.issues) {
    const path = [...block.path, ...toConfigPath(issue.path)]
    findings.fault(path, explainIssue(issue, findings.sourcePath(path), known))
  }
  return undefined
}

interface UnknownKey {
  readonly schema: z.ZodType
  readonly block: ConfigBlock
  readonly at: readonly PropertyKey[]
  readonly key: string
}

function noteUnknownKey({ schema, block, at, key }: UnknownKey, findings: ConfigFindings): void {
  const holder = [...block.path, ...toConfigPath(at)]
  const nearest = findNearest(key, knownKeysAt(schema, at))
  const suggestion = nearest === undefined ? 'Remove it, or correct its name.' : `Did you mean '${nearest}'?`
  findings.note([...holder, key], {
    severity: 'unknown',
    message: `Unknown key '${key}'${holder.length === 0 ? '' : ` in ${formatPath(findings.sourcePath(holder))}`}: it has no effect.`,
    fix: (at.length === 0 ? block.hints?.[key] : undefined) ?? suggestion,
    target: 'key',
  })
}
