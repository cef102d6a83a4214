/** Answers a question with sentences of what tools found: nothing is made up, each sentence of a file names its file. */
import type { ToolResult } from './_demo-prompt.ts'
import { scoreTexts } from './_lexical-rerank.ts'
import { isRecord } from '../../kernel/json-record.ts'

/** A piece of a file, as the file_search tool reports it. */
interface Passage {
  /** What a citation names. */
  readonly source: string
  readonly text: string
}

interface Sentence extends Passage {
  /** Where it stood among all sentences. */
  readonly place: number
  readonly score: number
}

/** Below this the best sentence shares hardly a word with the question. */
const MIN_SCORE = 0.12
/** Sentences this close to the best one are worth saying too. */
const NEAR_BEST = 0.6
const MAX_SENTENCES = 3
/** A tool's result up to this length is said as a whole. */
const SHORT_RESULT = 400
const MAX_SENTENCES_READ = 2000
const MAX_FIELDS = 400

const CHUNK_HEAD = /^\[\d+\] document_id: .*cite as <\|([^|\n]+)\|>$/
const RESULTS_BEGIN = /^BEGIN of \w+ tool results\.$/
const RESULTS_END = /^END of \w+ tool results\.$/

/** The passages in a message of a search over files; none where it is no such message. */
export function findPassages(message: string): Passage[] {
  const lines = message.split('\n')
  const begin = lines.findIndex((line) => RESULTS_BEGIN.test(line))
  const end = lines.findLastIndex((line) => RESULTS_END.test(line))
  if (begin === -1 || end <= begin) return []
  const passages: { source: string; lines: string[] }[] = []
  for (const line of lines.slice(begin + 1, end)) {
    const source = CHUNK_HEAD.exec(line)?.[1]
    if (source === undefined) passages.at(-1)?.lines.push(line)
    else passages.push({ source, lines: [] })
  }
  return passages.map(({ source, lines: text }) => ({ source, text: text.join('\n') }))
}

/** Whether a message is the result of a search over files, be it an empty one. */
function isFileSearch(message: string): boolean {
  return /^\w+ tool found \d+ chunks:/.test(message)
}

/** Answers from what the tools said in this turn. */
export function answerFromResults(question: string, results: readonly ToolResult[]): string {
  const searches = results.filter(({ text }) => isFileSearch(text))
  const others = results.filter(({ text }) => !isFileSearch(text))
  const answers = others.map((result) => answerFromResult(question, result))
  if (searches.length > 0) {
    const passages = searches.flatMap(({ text }) => findPassages(text))
    answers.unshift(answerFromPassages(question, passages))
  }
  return answers.join('\n\n')
}

/** Answers with sentences of the passages, each followed by its source. */
export function answerFromPassages(question: string, passages: readonly Passage[]): string {
  if (passages.length === 0) return 'The search in the files found nothing.'
  const ranked = rankSentences(question, passages)
  const best = ranked[0]
  if (best === undefined || best.score < MIN_SCORE) {
    const nearest = best === undefined ? '' : ` The nearest passage says: ${cite(best)}`
    return `The files do not seem to answer that.${nearest}`
  }
  return bestOf(ranked).map(cite).join(' ')
}

function rankSentences(question: string, passages: readonly Passage[]): Sentence[] {
  const seen = new Set<string>()
  const sentences = passages
    .flatMap(({ source, text }) => splitSentences(text).map((sentence) => ({ source, text: sentence })))
    .filter(({ text }) => !seen.has(text) && seen.add(text))
    .slice(0, MAX_SENTENCES_READ)
  const scores = scoreTexts(
    question,
    sentences.map(({ text }) => text),
  )
  return sentences
    .map((sentence, place) => ({ ...sentence, place, score: scores[place] ?? 0 }))
    .toSorted((left, right) => right.score - left.score || left.place - right.place)
}

/** The best sentences, in the order in which they stood. */
function bestOf(ranked: readonly Sentence[]): Sentence[] {
  const least = (ranked[0]?.score ?? 0) * NEAR_BEST
  return ranked
    .slice(0, MAX_SENTENCES)
    .filter(({ score }) => score >= least)
    .toSorted((left, right) => left.place - right.place)
}

/** Headings and fragments say nothing by themselves, so they are left out where there is something else. */
function splitSentences(text: string): string[] {
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
  const all = text
    .split('\n')
    .flatMap((line) =>
      [...segmenter.segment(line.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, ''))].map(({ segment }) => segment.trim()),
    )
    .filter((sentence) => sentence !== '')
  const whole = all.filter((sentence) => /[.!?。！？]["”')]*$/.test(sentence) || sentence.length > 40)
  return whole.length === 0 ? all : whole
}

/** The sentence with its source before the final punctuation. Markers within the text would be false citations. */
function cite({ text, source }: Passage): string {
  const clean = text.replaceAll(/<\||\|>/g, '').replace(/^#+\s*/, '')
  const [end = ''] = /[.!?。！？]+$/.exec(clean) ?? []
  return `${clean.slice(0, clean.length - end.length).trimEnd()} <|${source}|>${end === '' ? '.' : end}`
}

function answerFromResult(question: string, { name, text }: ToolResult): string {
  const said = describe(text)
  if (said.length === 0) return `\`${name}\` returned nothing.`
  const whole = said.join(', ')
  if (whole.length <= SHORT_RESULT) return `\`${name}\` returned: ${whole}${/[.!?]$/.test(whole) ? '' : '.'}`
  const ranked = rankSentences(
    question,
    said.map((line) => ({ source: name, text: line })),
  )
  const [first] = ranked
  const chosen = first === undefined || first.score < MIN_SCORE ? ranked.slice(0, 1) : bestOf(ranked)
  return `From what \`${name}\` returned:\n${chosen.map((sentence) => `- ${sentence.text}`).join('\n')}`
}

/** A result as text: the fields of JSON one by one, anything else as it is. */
function describe(text: string): string[] {
  const trimmed = text.trim()
  if (trimmed === '') return []
  if (!/^[[{]/.test(trimmed)) return [trimmed]
  try {
    const fields: string[] = []
    flatten(JSON.parse(trimmed), '', fields)
    return fields
  } catch {
    return [trimmed]
  }
}

function flatten(value: unknown, name: string, fields: string[]): void {
  if (fields.length >= MAX_FIELDS) return
  if (Array.isArray(value)) {
    for (const item of value) flatten(item, name, fields)
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) flatten(item, key.replaceAll('_', ' '), fields)
  } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    if (value !== '') fields.push(name === '' ? String(value) : `${name}: ${value}`)
  }
}
