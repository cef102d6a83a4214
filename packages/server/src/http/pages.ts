/** The static pages that `packages/ui` builds, read when they are first asked for. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reply } from '@llama-stack/api'

const NOT_BUILT =
  'The API reference is not built. Run: node packages/ui/build.mjs\nThe same facts are in the OpenAPI document at /openapi.json.\n'

/** The page carries its own content security policy in a meta element; what only a header can say is said here. */
const HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'content-security-policy': "frame-ancestors 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
})

/** Reads one page, or says how to build it. */
export async function readPage(file: string): Promise<Reply<never>> {
  const bytes = await findPage(file)
  if (bytes === undefined) {
    return { kind: 'bytes', bytes: Buffer.from(NOT_BUILT), contentType: 'text/plain; charset=utf-8', headers: HEADERS }
  }
  return { kind: 'bytes', bytes, contentType: 'text/html; charset=utf-8', headers: HEADERS }
}

/** Beside the built server (`dist/ui`), whether this module runs from `src/http` or from anywhere in `dist`. */
async function findPage(file: string): Promise<Buffer | undefined> {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let level = 0; level < 4; level += 1) {
    for (const candidate of [join(folder, 'ui', file), join(folder, 'dist', 'ui', file)]) {
      try {
        return await readFile(candidate)
      } catch {
        // Not there: the next place is tried, and a page that is nowhere is answered with a hint.
      }
    }
    folder = dirname(folder)
  }
  return undefined
}
