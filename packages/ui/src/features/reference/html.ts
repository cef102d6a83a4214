/** HTML as text, with everything escaped that was not marked as HTML by this module. */

/** A piece of HTML that is safe to insert. */
export interface Html {
  readonly html: string
}

/** What a template may hold: text is escaped, lists are joined, absent parts vanish. */
export type HtmlPart = Html | string | number | false | undefined | readonly HtmlPart[]

const ENTITIES: Readonly<Record<string, string>> = Object.freeze({
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
})

/** Escapes a text for element content and quoted attributes. */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** Builds HTML from a template; values are escaped unless they were built by this function. */
export function html(texts: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  let result = texts[0] ?? ''
  for (const [index, part] of parts.entries()) result += toText(part) + (texts[index + 1] ?? '')
  return { html: result }
}

function toText(part: HtmlPart): string {
  if (part === undefined || part === false) return ''
  if (typeof part === 'string') return escapeHtml(part)
  if (typeof part === 'number') return String(part)
  return 'html' in part ? part.html : part.map(toText).join('')
}

/** The little Markdown that descriptions hold: paragraphs and `code`. */
export function prose(text: string): Html {
  const paragraphs = text.split(/\n{2,}/).map((paragraph) => {
    const pieces = paragraph.split('`')
    return html`<p>${pieces.map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece))}</p>`
  })
  return html`${paragraphs}`
}
