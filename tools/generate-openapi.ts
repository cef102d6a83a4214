/** The OpenAPI document as the server serves it, written down so that a change of the surface shows in a review. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStack } from '../packages/server/src/stack.ts'

/** Asks a stack without providers for its document. */
export async function generateOpenApi(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'openapi-'))
  try {
    await using stack = await createStack({
      config: { name: 'openapi', dataDir, storage: { sql: { type: 'sqlite', path: join(dataDir, 'stack.db') } } },
    })
    const response = await stack.fetch('http://localhost/openapi.json')
    return `${JSON.stringify(await response.json(), null, 2)}\n`
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}
