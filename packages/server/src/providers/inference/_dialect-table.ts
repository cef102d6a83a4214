/**
 * The vendors that speak OpenAI's protocol, one row each. A new vendor is a row here and a fixture in
 * `tests/fixtures/vendors`.
 */
import { deepFreeze, toDialect } from './_dialect.ts'
import type { Dialect, DialectRow } from './_dialect.ts'
import { hostedRows } from './_hosted-vendors.ts'
import { selfHostedRows } from './_self-hosted-vendors.ts'

/** Every row with its defaults filled in, frozen. */
export const dialects: readonly Dialect[] = deepFreeze(
  [...(hostedRows as readonly DialectRow[]), ...selfHostedRows].map(toDialect),
)
