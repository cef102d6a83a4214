/** What the text of a model passes before it is shown: markers become citations, and guards have their say. */
import type { ChatMessage } from '@llama-stack/api'
import type { Guardrails } from '../../safety/guardrails.ts'
import { createCitationStripper } from '../../search-tools/citation-stripper.ts'
import { isFileSearchMessage } from '../../search-tools/file-search-message.ts'
import { toUrlCitations } from '../../search-tools/url-citations.ts'
import type { Citable } from '../tools/citable.ts'
import type { GuardCaller, Guards } from './run-world.ts'
import type { ShownText, TextFilter } from './turn-writer.ts'

/** The guardrails of the safety service as the run asks them. */
export function toGuards(guardrails: Guardrails): Guards {
  return {
    async checkInput(texts, caller) {
      const hit = await guardrails.checkInput(texts, caller)
      return hit?.violation.userMessage
    },
    openOutput(caller: GuardCaller): TextFilter {
      const guard = guardrails.openOutput(caller)
      return { add: (piece) => toShown(guard.add(piece)), end: () => toShown(guard.end()) }
    },
  }
}

type Verdict = Awaited<ReturnType<ReturnType<Guardrails['openOutput']>['add']>>

function toShown(verdict: Verdict | Promise<Verdict>): ShownText | Promise<ShownText> {
  if (verdict instanceof Promise) return verdict.then(toShownNow)
  return toShownNow(verdict)
}

function toShownNow(verdict: Verdict): ShownText {
  return typeof verdict === 'string' ? { text: verdict } : { text: '', refusal: verdict.violation.userMessage }
}

/**
 * Takes the markers out with which a model cites files, and finds the pages that it names. Undefined: there is nothing to cite.
 * Of what an earlier response or process found, it is known that the model may cite it, and no more.
 */
export function toCitationFilter(
  citable: readonly Citable[],
  told: readonly (readonly ChatMessage[])[] = [],
): TextFilter | undefined {
  const files = new Map(citable.flatMap((each) => [...(each.files ?? [])]))
  const hits = citable.flatMap((each) => each.hits ?? [])
  if (files.size === 0 && hits.length === 0 && !told.some((messages) => messages.some(tellsOfFiles))) return undefined
  const stripper = createCitationStripper(files)
  let shown = ''
  return {
    add(piece) {
      const { text, citations } = stripper.push(piece)
      shown += text
      return { text, annotations: citations }
    },
    end() {
      const { text, citations } = stripper.end()
      shown += text
      return { text, annotations: [...citations, ...(hits.length === 0 ? [] : toUrlCitations(shown, hits))] }
    },
  }
}

function tellsOfFiles({ role, content }: ChatMessage): boolean {
  return role === 'tool' && Array.isArray(content) && isFileSearchMessage(content)
}

/** One filter after the other. */
export function joinFilters(first: TextFilter | undefined, second: TextFilter | undefined): TextFilter | undefined {
  if (first === undefined || second === undefined) return first ?? second
  const pass = async (shown: ShownText | Promise<ShownText>, isLast: boolean): Promise<ShownText> => {
    const { text, annotations = [] } = await shown
    const judged = text === '' ? { text: '' } : await second.add(text)
    if (judged.refusal !== undefined) return judged
    const rest = isLast ? await second.end() : { text: '' }
    return { ...rest, text: judged.text + rest.text, annotations: [...annotations, ...(rest.annotations ?? [])] }
  }
  return { add: (piece) => pass(first.add(piece), false), end: () => pass(first.end(), true) }
}
