/** From a text to the terms by which texts are compared: folded, lightly stemmed, stop words marked. */

/** A word of a text, ready to be compared. */
export interface Term {
  /** Folded and stemmed. */
  readonly stem: string
  /** Folded only. */
  readonly word: string
  /** Whether it says little about what the text is about. */
  readonly stop: boolean
}

const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about after all also am an and any are as at be because been before being but by can could did do does done for ' +
    'from had has have he her here him his how i if in into is it its just like may me might more most my no nor not ' +
    'of on one only or other our out over own please s same she should so some such t than that the their them then ' +
    'there these they this those through to too under up us very was we were what when where which while who whom why ' +
    'will with would you your'
  ).split(' '),
)

/** Letters that Unicode does not decompose though readers take them for their plain neighbours. */
const LIGATURES: Readonly<Record<string, string>> = Object.freeze({
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
})

/** A run of a script that puts no spaces between its words, or a word of any other script. */
const WORDS =
  /[[\p{L}\p{M}]&&[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]]+|[[\p{L}\p{M}\p{N}]--[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]]+/gv
const UNSPACED = /^[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]/v

/** Takes away case, accents and compatibility forms: `Ångström` and `ANGSTROM` become equal. */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036F]/g, '')
    .toLowerCase()
    .replaceAll(/[ßæœøłđðþı]/g, (letter) => LIGATURES[letter] ?? letter)
    .normalize('NFC')
}

/** The terms of a text in their order. Scripts without spaces between words give pairs of characters. */
export function toTerms(text: string): Term[] {
  const terms: Term[] = []
  for (const run of foldText(text).match(WORDS) ?? []) {
    if (UNSPACED.test(run)) {
      for (const pair of toPairs(run)) terms.push({ stem: pair, word: pair, stop: false })
    } else {
      terms.push({ stem: toStem(run), word: run, stop: STOP_WORDS.has(run) })
    }
  }
  return terms
}

/** The distinct stems that say what a text is about; every stem where it has only stop words. */
export function toContentStems(text: string): Set<string> {
  const terms = toTerms(text)
  const content = terms.filter(({ stop }) => !stop)
  return new Set((content.length === 0 ? terms : content).map(({ stem }) => stem))
}

function toPairs(run: string): string[] {
  const characters = Array.from(run)
  if (characters.length < 2) return characters
  return characters.slice(1).map((character, index) => `${characters[index] ?? ''}${character}`)
}

/**
 * Takes English inflection off: plural, `-ing`, `-ed`, `-ly`, a silent `e`. Two words may only fall together when they are
 * forms of one, so it is careful with short words; a missed ending costs little because vectors see letter groups too.
 */
export function toStem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word
  let stem = withoutPlural(word)
  const verb = /^(.*[aeiouy].*)(?:ing|ed)$/.exec(stem)?.[1]
  if (verb !== undefined && verb.length >= 3) stem = verb.replace(/([bdfgmnprt])\1$/, '$1')
  else if (stem.endsWith('ly') && stem.length > 5) stem = stem.slice(0, -2)
  if (stem.length > 3 && stem.endsWith('e')) return stem.slice(0, -1)
  return stem.length > 3 ? stem.replace(/y$/, 'i') : stem
}

function withoutPlural(word: string): string {
  if (word.endsWith('ies') && word.length > 4) return `${word.slice(0, -3)}y`
  if (/(?:ss|sh|ch|x|z)es$/.test(word)) return word.slice(0, -2)
  if (word.endsWith('s') && !/(?:ss|us|is)$/.test(word)) return word.slice(0, -1)
  return word
}
