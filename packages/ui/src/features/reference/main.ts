/** The page: loads the document, renders it, and reacts to search, theme and copy buttons. */
import { html } from './html.ts'
import type { Html } from './html.ts'
import { toOperations } from './openapi-document.ts'
import type { OpenApiDocument, Operation } from './openapi-document.ts'
import { renderNavigation, renderOperations, renderSchemas } from './render-reference.ts'
import { searchOperations } from './search-operations.ts'

function getElement(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new TypeError(`bug: the page has no element '${id}'`)
  return element
}

/** The only place where HTML enters the page: {@link html} has escaped it. */
function show(id: string, content: Html): void {
  getElement(id).innerHTML = content.html
}

/** Beside the page, also where the server stands under a path of its own. */
function documentUrl(): string {
  return `${location.pathname.replace(/\/(docs|reference)\/?$/, '/')}openapi.json`
}

async function load(): Promise<void> {
  try {
    const response = await fetch(documentUrl())
    if (!response.ok) throw new TypeError(`the server answered ${response.status}`)
    start((await response.json()) as OpenApiDocument) // our own server's document
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    show(
      'operations',
      html`<p class="empty" role="alert">The OpenAPI document cannot be loaded from ${documentUrl()}: ${reason}.</p>`,
    )
  }
}

function start(openApi: OpenApiDocument): void {
  const operations = toOperations(openApi)
  document.title = `${openApi.info.title} API reference`
  getElement('title').textContent = openApi.info.title
  getElement('version').textContent = openApi.info.version
  const search = getElement('search') as HTMLInputElement // it is one in reference.html
  const update = (): void => showOperations(openApi, operations, search.value)
  search.addEventListener('input', update)
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.target instanceof HTMLInputElement) return
    event.preventDefault()
    search.focus()
  })
  update()
  show('schemas', renderSchemas(openApi))
  // The browser looked for the address's fragment before it existed.
  if (location.hash !== '') document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView()
}

function showOperations(openApi: OpenApiDocument, all: readonly Operation[], query: string): void {
  const found = searchOperations(all, query)
  show('navigation', renderNavigation(found))
  show('operations', renderOperations(openApi, found, location.origin))
  getElement('schemas').hidden = query.trim() !== ''
  getElement('count').textContent =
    found.length === all.length ? `${all.length} operations` : `${found.length} of ${all.length} operations`
}

function watchCopyButtons(): void {
  document.addEventListener('click', (event) => {
    const button = event.target
    if (!(button instanceof HTMLButtonElement) || !button.classList.contains('copy')) return
    const text = button.nextElementSibling?.textContent ?? ''
    void navigator.clipboard.writeText(text).then(
      () => (button.textContent = 'Copied'),
      () => (button.textContent = 'Select and copy by hand'),
    )
  })
}

const THEME_KEY = 'llama-stack-theme'

function watchTheme(): void {
  const root = document.documentElement
  const button = getElement('theme')
  const systemDark = matchMedia('(prefers-color-scheme: dark)')
  const isDark = (): boolean =>
    root.dataset['theme'] === undefined ? systemDark.matches : root.dataset['theme'] === 'dark'
  const stored = localStorage.getItem(THEME_KEY)
  if (stored === 'dark' || stored === 'light') root.dataset['theme'] = stored
  const label = (): void => {
    button.textContent = isDark() ? 'Light' : 'Dark'
    button.setAttribute('aria-label', isDark() ? 'Use the light theme' : 'Use the dark theme')
  }
  button.addEventListener('click', () => {
    root.dataset['theme'] = isDark() ? 'light' : 'dark'
    localStorage.setItem(THEME_KEY, root.dataset['theme'])
    label()
  })
  systemDark.addEventListener('change', label)
  label()
}

watchTheme()
watchCopyButtons()
void load()
