import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readPage } from './pages.ts'

async function pageText(): Promise<string> {
  const reply = await readPage('reference.html')
  return reply.kind === 'bytes' ? Buffer.from(reply.bytes).toString() : ''
}

const page = await pageText()
const isBuilt = page.startsWith('<!doctype html>')

describe.skipIf(!isBuilt)('the built reference page (skipped when it is not built)', () => {
  it('allows its own script and style by hash, and nothing else', () => {
    const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(page) ?? []
    expect(policy).toContain("default-src 'none'")
    for (const element of ['script', 'style']) {
      const [, text = ''] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page) ?? []
      expect(text.length).toBeGreaterThan(1000)
      expect(policy).toContain(`${element}-src 'sha256-${createHash('sha256').update(text).digest('base64')}'`)
    }
  })

  it('asks no other server for anything', () => {
    expect(page).not.toMatch(/https?:\/\/(?!localhost)/)
    expect(page).not.toMatch(/\ssrc=|@import|url\(/)
  })
})

describe('a page that is not built', () => {
  it('says how to build it', async () => {
    const reply = await readPage('no-such-page.html')
    expect(reply).toMatchObject({ kind: 'bytes', contentType: 'text/plain; charset=utf-8' })
    expect(reply.kind === 'bytes' && Buffer.from(reply.bytes).toString()).toContain('node packages/ui/build.mjs')
  })
})
