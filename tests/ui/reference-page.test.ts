import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../packages/server/src/config/load-config.ts'
import { createStack, servedProviderTypes } from '../../packages/server/src/stack.ts'
import type { Stack } from '../../packages/server/src/stack.ts'

const executablePath = '/usr/bin/chromium'
const there = existsSync(executablePath)
if (!there) console.warn(`SKIPPED: ${executablePath} is absent, so the reference page is not opened in a browser`)

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const chat = '#post-v1-chat-completions'
const run = promisify(execFile)

describe.skipIf(!there)('the reference page in a browser (needs /usr/bin/chromium)', () => {
  let home = ''
  let stack: Stack
  let browser: Browser
  let url = ''

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'reference-'))
    stack = await createStack({ config: await demoConfig(home) })
    url = (await stack.listen()).url
    browser = await chromium.launch({
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-proxy-server',
      ],
    })
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await stack?.[Symbol.asyncDispose]()
    if (home !== '') rmSync(home, { recursive: true, force: true })
  })

  /** Opens the page for a reader of its own, and fails when the page complained or asked anybody but the server. */
  async function visit(check: (page: Page) => Promise<void>, options: Visit = {}): Promise<void> {
    const { fragment = '', ...rest } = options
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'], ...rest })
    context.setDefaultTimeout(10_000)
    const complaints: string[] = []
    const asked = new Set<string>()
    try {
      const page = await context.newPage()
      page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('request', (request) => asked.add(request.url()))
      await page.goto(`${url}/docs${fragment}`)
      await page.locator('#count:not(:empty)').waitFor()
      await check(page)
    } finally {
      await context.close()
    }
    expect(complaints).toEqual([])
    // The icon is an empty data URL, so that no browser asks for /favicon.ico.
    const elsewhere = [...asked].filter((one) => !one.startsWith('data:') && new URL(one).origin !== url)
    expect(elsewhere).toEqual([])
  }

  test('has a title, landmarks and headings in order', async () => {
    await visit(async (page) => {
      expect(await page.title()).toBe('Llama Stack API reference')
      for (const role of ['banner', 'navigation', 'search', 'main'] as const)
        expect([role, await page.getByRole(role).count()]).toEqual([role, 1])
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('API reference')
      const levels = await page.getByRole('heading').evaluateAll((all) => all.map(({ tagName }) => Number(tagName[1])))
      const skipped = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1)
      expect(skipped).toEqual([])
      await page.getByLabel('Search').waitFor()
    })
  })

  test('lists every operation of the server, and where else it is served', async () => {
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as Document
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, path, operation })),
    )
    const [own, aliases] = [false, true].map((isAlias) =>
      operations.filter(({ operation }) => (operation['x-alias-of'] !== undefined) === isAlias),
    ) as [typeof operations, typeof operations] // of a list of two
    expect(aliases.map(({ path }) => path)).toContain('/v1/openai/v1/chat/completions')
    await visit(async (page) => {
      const headings = await page.locator('#operations h3').allTextContents()
      // What has one tag stands together.
      const byTag = [...Map.groupBy(own, ({ operation }) => operation.tags[0]).values()].flat()
      expect(headings.map(spaced)).toEqual(byTag.map(({ name }) => name))
      const links = await page.locator('nav li a').allTextContents()
      expect(links.map(spaced).toSorted()).toEqual(own.map(({ name }) => name).toSorted())
      const text = (await page.locator('#operations').textContent()) ?? ''
      expect(aliases.filter(({ path }) => !text.includes(path))).toEqual([])
    })
  })

  test('narrows to what is searched for, in the page and at its side', async () => {
    await visit(async (page) => {
      await page.keyboard.press('/')
      await page.keyboard.type('rerank')
      const found = ['POST /v1alpha/inference/rerank', 'POST /v1/rerank']
      expect((await page.locator('#operations h3:visible').allTextContents()).map(spaced)).toEqual(found)
      expect((await page.locator('nav li a:visible').allTextContents()).map(spaced)).toEqual(found)
      expect(await page.getByRole('status').first().textContent()).toMatch(/^2 of \d+ operations$/)
      await page.getByLabel('Search').fill('no such thing')
      await page.getByText('No operation matches').waitFor()
      await page.getByLabel('Search').fill('openai/v1/models')
      expect((await page.locator('#operations h3:visible').allTextContents()).map(spaced)).toContain('GET /v1/models')
    })
  })

  test('opens and closes an operation by keyboard, and keeps it in the address', async () => {
    await visit(async (page) => {
      expect(await page.locator(`${chat} .content`).isVisible()).toBe(false)
      await page.locator(`${chat} > summary`).focus()
      await page.keyboard.press('Enter')
      await page.locator(`${chat} .content`).waitFor()
      await page.waitForURL(`${url}/docs${chat}`)
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
      await page.keyboard.press('Enter')
      await page.locator(`${chat} .content`).waitFor({ state: 'hidden' })
      await page.keyboard.press('/')
      await page.keyboard.type('embeddings')
      await page.keyboard.press('Enter')
      await page.locator('#post-v1-embeddings .content').waitFor()
    })
  })

  test('follows links to what is folded or hidden by a search', async () => {
    await visit(
      async (page) => {
        await page.locator(`${chat} .content`).waitFor()
        await page.getByLabel('Search').fill('chat')
        await page.locator(`${chat} .fields a[href="#schema-ChatMessage"]`).first().click()
        await page.locator('#schema-ChatMessage .content').waitFor()
        expect(await page.getByLabel('Search').inputValue()).toBe('')
      },
      { fragment: chat },
    )
  })

  test('follows the system to the dark, and the reader against it', async () => {
    const isDark = async (page: Page): Promise<boolean> => {
      const color = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
      return (color.match(/\d+/g) ?? []).every((part) => Number(part) < 64)
    }
    await visit(async (page) => expect(await isDark(page)).toBe(false), { colorScheme: 'light' })
    await visit(
      async (page) => {
        expect(await isDark(page)).toBe(true)
        await page.getByRole('button', { name: 'Light theme' }).click()
        expect(await isDark(page)).toBe(false)
        await page.reload()
        await page.getByRole('button', { name: 'Dark theme' }).waitFor()
        expect(await isDark(page)).toBe(false)
      },
      { colorScheme: 'dark' },
    )
  })

  test.each(['light', 'dark'] as const)(
    'is readable in the %s: WCAG AA contrast of every text',
    async (colorScheme) => {
      await visit(
        async (page) => {
          await page.locator(`${chat} .content`).waitFor()
          expect(await page.evaluate<readonly string[]>(FAINT_TEXTS)).toEqual([])
        },
        { fragment: chat, colorScheme },
      )
    },
  )

  test('fits a narrow window', async () => {
    await visit(
      async (page) => {
        await page.locator(`${chat} .content`).waitFor()
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(390)
      },
      { fragment: chat, viewport: { width: 390, height: 844 } },
    )
  })

  test('copies a command that works', async () => {
    await visit(
      async (page) => {
        await page.getByRole('button', { name: 'Copy the example for POST /v1/chat/completions', exact: true }).click()
        await page.getByText('Copied.').waitFor()
        const command = await page.evaluate<string>('navigator.clipboard.readText()')
        const { stdout } = await run('sh', ['-c', command.replace(/^curl /, 'curl --silent --noproxy "*" ')])
        expect(JSON.parse(stdout)).toMatchObject({ choices: [{ message: { role: 'assistant' } }] })
        expect(stdout).toContain('demo assistant')
      },
      { fragment: chat },
    )
  })

  test('runs no script but its own', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${url}/docs`)
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'globalThis.intruded = true' }))`,
    )
    expect(await page.evaluate('globalThis.intruded')).toBeUndefined()
    await context.close()
  })
})

interface Visit extends BrowserContextOptions {
  readonly fragment?: string
}

/** The part of the OpenAPI document that the page's list comes from. */
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
}

interface DocumentedOperation {
  readonly tags: readonly string[]
  readonly 'x-alias-of'?: string
}

function demoConfig(home: string): ReturnType<typeof loadConfig> {
  return loadConfig({
    source: 'demo',
    env: { SQLITE_STORE_DIR: home },
    cwd: home,
    home,
    servedTypes: servedProviderTypes(),
    distributionsDir: join(root, 'distributions'),
    overrides: { port: 0 },
  })
}

function spaced(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ')
}

/** Asks, in the page, for the visible texts whose contrast to what is behind them is under 4.5. */
const FAINT_TEXTS = `(() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number)
  const luminance = (color) => {
    const [red, green, blue] = numbers(color).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor
    return numbers(color)[3] === 0 && element.parentElement !== null ? behind(element.parentElement) : color
  }
  const contrast = (element) => {
    const [dark, bright] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => a - b)
    return (bright + 0.05) / (dark + 0.05)
  }
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.checkVisibility())
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .filter((element) => contrast(element) < 4.5)
    .map((element) => element.outerHTML.slice(0, 80))
})()`
