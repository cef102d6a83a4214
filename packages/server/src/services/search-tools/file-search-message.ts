/**
 * What the model is told of a search in files. The words are those of upstream: recorded conversations are found by
 * them.
 */
import type { TextPart } from './search-outcome.ts'
import type { FileSearchHit } from './vector-search-port.ts'

const FOUND = 'file_search tool found '
const CITE =
  "Cite sources immediately at the end of sentences before punctuation, using `<|file-id|>` format like 'This is a fact <|file-Cn3MSNn72ENTiiq11Qda4A|>.'. Do not add extra punctuation. Use only the file IDs provided, do not invent new ones."

/** Whether these are the parts of such a message that names files. */
export function isFileSearchMessage(parts: readonly { readonly type: string; readonly text?: unknown }[]): boolean {
  const [first, second] = parts
  const isSearch = typeof first?.text === 'string' && first.text.startsWith(FOUND)
  return isSearch && typeof second?.text === 'string' && second.text.startsWith('[1] document_id: ')
}

/** The parts of the tool message: what was found, the best first, and how to cite it. */
export function toFileSearchMessage(hits: readonly FileSearchHit[], query: string): readonly TextPart[] {
  const texts = [
    `${FOUND}${hits.length} chunks:\nBEGIN of file_search tool results.\n`,
    ...hits.map((hit, index) => `[${index + 1}] ${toHead(hit)}\n${hit.text}\n`),
    'END of file_search tool results.\n',
    `The above results were retrieved to help answer the user's query: "${query}". Use them as supporting information only in answering this query. ${hits.length === 0 ? '' : CITE}\n`,
  ]
  return texts.map((text) => ({ type: 'text', text }))
}

function toHead({ documentId, score, attributes, filename }: FileSearchHit): string {
  const told = JSON.stringify({ filename, ...attributes })
  return `document_id: ${documentId}, score: ${score}, attributes: ${told} cite as <|${documentId}|>`
}
