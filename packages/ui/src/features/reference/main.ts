/** The page: loads the document, renders it, and reacts to search, links, theme and copy buttons. */
import { html } from './html.ts'
import type { Html } from './html.ts'
import { toOperations } from './openapi-document.ts'
import type { OpenApiDocument, Operation } from './openapi-document.ts'
import { renderNavigation, renderOperations, renderSchemas } from './render-reference.ts'
import { searchOperations } from './search-operations.ts'
import { watchTheme } from './theme.ts'

function getElement(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new TypeError(`bug: the page has no element '${id}'`)
  return element
}

/** The only place where HTML enters the page: {@link html} has escaped it. */
function show(id: string, content: Html): void {
  getElement(id).innerHTML = content.html
}

/** Where the server stands, which may be under a path of its own; without a slash at the end. */
function baseUrl(): string {
  return location.origin + location.pathname.replace(/(\/(docs|reference))?\/?$/, '')
}

async function load(): Promise<void> {
  const url = `${baseUrl()}/openapi.json`
  getElement('document').setAttribute('href', url)
  try {
    const response = await fetch(url)
    if (!response.ok) throw new TypeError(`the server answered ${response.status}`)
    start((await response.json()) as OpenApiDocument) // our own server's document
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    show(
      'operations',
      html`<p class="empty" role="alert">The OpenAPI document cannot be loaded from ${url}: ${reason}.</p>`,
    )
  }
}

function start(openApi: OpenApiDocument): void {
  const operations = toOperations(openApi)
  document.title = `${openApi.info.title} API reference`
  getElement('title').textContent = openApi.info.title
  getElement('version').textContent = openApi.info.version
  show('navigation', renderNavigation(operations))
  show('operations', renderOperations(openApi, operations, baseUrl()))
  show('schemas', renderSchemas(openApi))
  watchSearch(operations)
  watchLinks()
}

function watchSearch(operations: readonly Operation[]): void {
  const search = getElement('search') as HTMLInputElement // it is one in reference.html
  const update = (): void => showFound(operations, search.value)
  search.addEventListener('input', update)
  search.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return
    // The focus moves, and what gets it must not take this key for its own.
    event.preventDefault()
    const [first] = searchOperations(operations, search.value)
    if (first !== undefined) reveal(first.id)
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.target === search) return
    event.preventDefault()
    search.focus()
    search.select()
  })
  update()
}

/** Hides what was not found. What the reader has opened stays open. */
function showFound(operations: readonly Operation[], query: string): void {
  const found = searchOperations(operations, query)
  const ids = new Set(found.map(({ id }) => id))
  for (const element of document.querySelectorAll<HTMLElement>('[data-operation]'))
    element.hidden = !ids.has(element.dataset['operation'] ?? '')
  for (const group of document.querySelectorAll<HTMLElement>('.group'))
    group.hidden = group.querySelector('[data-operation]:not([hidden])') === null
  getElement('nothing').hidden = found.length > 0
  getElement('schemas').hidden = query.trim() !== ''
  getElement('count').textContent =
    found.length === operations.length
      ? `${found.length} operations`
      : `${found.length} of ${operations.length} operations`
}

/** Links open what they lead to; what is opened by hand becomes the page's address, to be shared. */
function watchLinks(): void {
  const follow = (hash: string): void => {
    if (hash !== '') reveal(decodeURIComponent(hash.slice(1)))
  }
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href^="#"]') : null
    // Also when the address has this fragment already, which changes nothing.
    if (link !== null) setTimeout(follow, 0, link.hash)
  })
  addEventListener('hashchange', () => follow(location.hash))
  for (const entry of document.querySelectorAll<HTMLDetailsElement>('details.entry'))
    entry.addEventListener('toggle', () => {
      if (entry.open) history.replaceState(history.state, '', `#${entry.id}`)
    })
  // The browser looked for the address's fragment before it existed.
  follow(location.hash)
}

/** Opens an entry and goes there, also when a search hides it. */
function reveal(id: string): void {
  const entry = document.getElementById(id)
  if (!(entry instanceof HTMLDetailsElement)) return
  if (entry.closest('[hidden]') !== null) {
    const search = getElement('search') as HTMLInputElement // it is one in reference.html
    search.value = ''
    search.dispatchEvent(new Event('input'))
  }
  entry.open = true
  entry.scrollIntoView()
  entry.querySelector('summary')?.focus({ preventScroll: true })
  for (const link of document.querySelectorAll('nav a[href]')) {
    if (link.getAttribute('href') === `#${id}`) link.setAttribute('aria-current', 'location')
    else link.removeAttribute('aria-current')
  }
}

function watchCopyButtons(): void {
  document.addEventListener('click', (event) => {
    const button = event.target
    if (!(button instanceof HTMLButtonElement) || !button.classList.contains('copy')) return
    const code = button.parentElement?.querySelector('code')
    if (code !== null && code !== undefined) void copy(code).then((copied) => tellCopied(button, copied))
  })
}

/** Where the page came over plain HTTP from another machine there is no clipboard: then the text is selected. */
async function copy(code: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '')
    return true
  } catch {
    getSelection()?.selectAllChildren(code)
    return false
  }
}

const COPIED_MS = 2000

function tellCopied(button: HTMLButtonElement, copied: boolean): void {
  button.textContent = copied ? 'Copied' : 'Selected'
  getElement('told').textContent = copied ? 'Copied.' : 'Selected: copy it with the keyboard.'
  setTimeout(() => {
    button.textContent = 'Copy'
    getElement('told').textContent = ''
  }, COPIED_MS)
}

watchTheme(getElement('theme'))
watchCopyButtons()
void load()
