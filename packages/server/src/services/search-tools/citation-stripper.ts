/**
 * Takes the markers with which a model cites files out of the text that it streams, and says which file was cited where.
 *
 * A marker (`<|file-id|>`) may be cut anywhere between two deltas. Only what may still become a marker is held back: a
 * `<` with the beginning of one behind it, and one space, which goes with the marker that follows it.
 */
import { countCodePoints } from './code-points.ts'

/** A file that may be cited. */
export interface CitableFile {
  readonly fileId: string
  readonly filename: string
}

/** OpenAI's annotation. The index counts the characters of the text before it as it is shown. */
export interface FileCitation {
  readonly type: 'file_citation'
  readonly file_id: string
  readonly filename: string
  readonly index: number
}

/** A piece of the text to show, and the citations that were found with it. */
export interface StrippedText {
  readonly text: string
  readonly citations: readonly FileCitation[]
}

/** One text, delta by delta. */
export interface CitationStripper {
  push(delta: string): StrippedText
  /** Gives what was held back. Nothing may follow. */
  end(): StrippedText
}

/** Prepares one text. `files` is asked when a marker is complete: it may grow until then. */
export function createCitationStripper(files: ReadonlyMap<string, CitableFile>): CitationStripper {
  const stripper = new Stripper(files)
  return {
    push: (delta) => stripper.push(delta),
    end: () => stripper.end(),
  }
}

/** The whole of a text at once. */
export function stripCitations(text: string, files: ReadonlyMap<string, CitableFile>): StrippedText {
  const stripper = new Stripper(files)
  const head = stripper.push(text)
  const tail = stripper.end()
  return { text: head.text + tail.text, citations: [...head.citations, ...tail.citations] }
}

const MAX_ID_CHARACTERS = 128
const WHOLE = new RegExp(String.raw`^<\|([\w.:-]{1,${MAX_ID_CHARACTERS}})\|>`)
const BEGUN = new RegExp(String.raw`^<(?:\|(?:[\w.:-]{0,${MAX_ID_CHARACTERS}}|[\w.:-]{1,${MAX_ID_CHARACTERS}}\|))?$`)

/** Ids that the model made up look like those that it was given: they are taken out too, and cite nothing. */
const LIKE_AN_ID = /^(?:file[-_].+|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})$/i

class Stripper {
  readonly #files: ReadonlyMap<string, CitableFile>
  #held = ''
  #shownCharacters = 0
  /** A space went with the marker: it comes back where a word follows at once. */
  #tookSpace = false
  #text = ''
  #citations: FileCitation[] = []

  constructor(files: ReadonlyMap<string, CitableFile>) {
    this.#files = files
  }

  push(delta: string): StrippedText {
    // Most deltas hold nothing of interest.
    if (this.#held === '' && !delta.includes('<') && !delta.endsWith(' ')) this.#show(delta)
    else this.#read(this.#held + delta, false)
    return this.#take()
  }

  end(): StrippedText {
    this.#read(this.#held, true)
    return this.#take()
  }

  #read(text: string, isEnd: boolean): void {
    this.#held = ''
    let from = 0
    for (;;) {
      const mark = text.indexOf('<', from)
      if (mark === -1) break
      const rest = text.slice(mark, mark + MAX_ID_CHARACTERS + 4)
      const id = WHOLE.exec(rest)?.[1]
      if (id !== undefined && this.#isCitation(id)) {
        this.#showBeforeMarker(text.slice(from, mark))
        this.#cite(id)
        from = mark + id.length + 4
      } else if (id === undefined && !isEnd && BEGUN.test(text.slice(mark))) {
        this.#showAndHold(text.slice(from, mark), text.slice(mark))
        return
      } else {
        this.#show(text.slice(from, mark + 1))
        from = mark + 1
      }
    }
    if (isEnd) this.#show(text.slice(from))
    else this.#showAndHold(text.slice(from), '')
  }

  #isCitation(id: string): boolean {
    return this.#files.has(id) || LIKE_AN_ID.test(id)
  }

  #cite(id: string): void {
    const file = this.#files.get(id)
    if (file === undefined) return
    const { fileId, filename } = file
    this.#citations.push({ type: 'file_citation', file_id: fileId, filename, index: this.#shownCharacters })
  }

  #showBeforeMarker(text: string): void {
    const endsInSpace = text.endsWith(' ')
    this.#show(endsInSpace ? text.slice(0, -1) : text)
    if (endsInSpace) this.#tookSpace = true
  }

  #showAndHold(text: string, held: string): void {
    const endsInSpace = text.endsWith(' ')
    this.#show(endsInSpace ? text.slice(0, -1) : text)
    this.#held = (endsInSpace ? ' ' : '') + held
  }

  #show(text: string): void {
    if (text === '') return
    const shown = this.#tookSpace && /^[\p{L}\p{N}]/u.test(text.charAt(0)) ? ` ${text}` : text
    this.#tookSpace = false
    this.#text += shown
    this.#shownCharacters += countCodePoints(shown)
  }

  #take(): StrippedText {
    const taken = { text: this.#text, citations: this.#citations }
    this.#text = ''
    this.#citations = []
    return taken
  }
}
