/** Pages of the reference that come from tables: the error codes, and which vendor can do what. */
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorTable } from '@llama-stack/api'
import type { ErrorRow } from '@llama-stack/api'
import { routeRequirements } from '../tests/requirements.ts'
import { dialects } from '../packages/server/src/providers/inference/_dialect-table.ts'
import { providerRegistry } from '../packages/server/src/providers/registry.gen.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

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

/** Routes by state, and the facts of each vendor. */
export async function generateCompatibility(): Promise<string> {
  const fixtures = new Set(readdirSync(join(root, 'tests/fixtures/vendors')).map((file) => file.replace('.json', '')))
  const types = await Promise.all(Object.values(providerRegistry['inference'] ?? {}).map((load) => load()))
  const vendors = dialects.map((dialect) => {
    const mark = (fact: boolean): string => (fact ? '✓' : '–')
    const fixture = dialect.type.replace('remote::', '').replaceAll('::', '-')
    return `| \`${dialect.type}\` | ${mark(true)} | ${mark(dialect.completions)} | ${mark(dialect.embeddings)} | ${mark(dialect.streamUsage)} | ${mark(dialect.inlineImages)} | ${mark(fixtures.has(fixture))} |`
  })
  const states = Map.groupBy(routeRequirements, ([, , , state]) => state)
  return [
    '# Compatibility',
    '',
    'Generated from the vendor table, the provider registry and the requirements manifest.',
    '',
    '## Vendors that speak OpenAI’s protocol',
    '',
    '| Provider type | Chat | Completions | Embeddings | Usage in streams | Images inlined | Fixture |',
    '|---|---|---|---|---|---|---|',
    ...vendors,
    '',
    '## Every inference provider',
    '',
    '| Provider type | What it is |',
    '|---|---|',
    ...types.map(({ type, description }) => `| \`${type}\` | ${description} |`),
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
