/** Pages of the reference that come from tables: the error codes, and which vendor can do what. */
import { errorTable } from '@llama-stack/api'
import type { ErrorRow } from '@llama-stack/api'
import { routeRequirements } from '../tests/requirements.ts'
import { providerRegistry } from '../packages/server/src/providers/registry.gen.ts'
import { capabilities } from '../packages/server/src/testing/conformance/capabilities.ts'
import type { Capability } from '../packages/server/src/testing/conformance/capabilities.ts'
import type { ConformanceDeclaration } from '../packages/server/src/testing/conformance/declaration.ts'
import { loadDeclarations } from '../tests/conformance/load-declarations.ts'

/** One line for each error code. */
export function generateErrorReference(): string {
  const lines = Object.entries(errorTable).map(([code, row]) => {
    // Rows of different details share their shape; only status and facts are read.
    const { status, type, retryable, failover, blames } = row as unknown as ErrorRow<never>
    const shown = typeof status === 'number' ? String(status) : 'the vendor’s'
    const facts = [retryable, failover, blames].map((fact) =>
      typeof fact === 'function' ? 'by status' : fact === true ? 'yes' : 'no',
    )
    return `| \`${code}\` | ${shown} | \`${type}\` | ${facts.join(' | ')} |`
  })
  return [
    '# Errors',
    '',
    'Generated from the error table. Every error has `message`, `type`, `param` and `code`; `llama explain <code>` says more.',
    '',
    'What may be retried may succeed later without a change. On to the next: another target of an alias is asked. Blames:',
    'it counts against the health of the provider that was asked (docs/guides/reliability.md).',
    '',
    '| `error.code` | Status | `error.type` | May be retried | On to the next | Blames |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}

/** What each provider can do, as the conformance suite tests it, and the routes by state. */
export async function generateCompatibility(): Promise<string> {
  const types = await Promise.all(Object.values(providerRegistry['inference'] ?? {}).map((load) => load()))
  const declarations = await loadDeclarations()
  const byType = new Map(declarations.map((declaration) => [declaration.definition.type, declaration]))
  const states = Map.groupBy(routeRequirements, ([, , , state]) => state)
  return [
    '# Compatibility',
    '',
    'Generated from the provider registry, the declarations of the conformance suite and the requirements manifest.',
    '',
    '## Every inference provider',
    '',
    '| Provider type | What it is |',
    '|---|---|',
    ...types.map(({ type, description }) => `| \`${type}\` | ${description} |`),
    '',
    '## What each of them can do',
    '',
    'The conformance suite (`tests/conformance/`) runs every provider through every capability, remote ones against a',
    'scripted vendor. ✓: it holds; whether a model of the vendor has the capability too is the vendor’s affair.',
    '–: it is left out, for a reason that stands below.',
    '',
    `| Provider type | ${Object.values(capabilities).join(' | ')} |`,
    `|---|${':-:|'.repeat(capabilityNames.length)}`,
    ...types.map(({ type }) => toMatrixRow(type, byType.get(type))),
    '',
    '## What is left out, and why',
    '',
    '| Providers | Capabilities | Reason |',
    '|---|---|---|',
    ...toReasonRows(declarations),
    '',
    '## Routes of Llama Stack and OGX',
    '',
    '| Capability | Routes | Of them |',
    '|---|--:|---|',
    ...[...states].map(
      ([state, rows]) =>
        `| ${state} | ${rows.length} | ${rows
          .slice(0, 3)
          .map(([, route]) => `\`${route}\``)
          .join(', ')}${rows.length > 3 ? ', …' : ''} |`,
    ),
    '',
  ].join('\n')
}

// The keys of an object literal are what its type says.
const capabilityNames = Object.keys(capabilities) as Capability[]

/** A provider without a declaration claims nothing; a test says that there is none. */
function toMatrixRow(type: string, declaration: ConformanceDeclaration | undefined): string {
  const marks = capabilityNames.map((name) =>
    declaration === undefined || declaration.skips?.[name] !== undefined ? '–' : '✓',
  )
  return `| \`${type}\` | ${marks.join(' | ')} |`
}

/** Providers that lack the same for the same reason share a row. */
function toReasonRows(declarations: readonly ConformanceDeclaration[]): string[] {
  const lacking = declarations.flatMap(({ definition: { type }, skips = {} }) => {
    const skipped = capabilityNames.filter((name) => skips[name] !== undefined)
    return [...Map.groupBy(skipped, (name) => skips[name])].map(([reason, names]) => ({
      type,
      row: `${names.map((name) => capabilities[name]).join(', ')} | ${reason}`,
    }))
  })
  return [...Map.groupBy(lacking, ({ row }) => row)].map(
    ([row, providers]) => `| ${providers.map(({ type }) => `\`${type}\``).join(', ')} | ${row} |`,
  )
}
