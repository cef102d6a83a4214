/** Countries as Tavily names them: in English and in lower case. */

/** Where Tavily's name is not the usual one of today. */
const OTHER_NAMES: Readonly<Record<string, string>> = Object.freeze({
  CZ: 'czech republic',
  MM: 'myanmar',
  TR: 'turkey',
})

/**
 * The name of a country by its two letters. Undefined for what is no country, and for names with marks or brackets, which
 * are spelled differently everywhere: a wrong name would be refused, and the country is only a hint.
 */
export function findCountryName(code: string | undefined): string | undefined {
  if (code === undefined || !/^[a-z]{2}$/i.test(code)) return undefined
  const upper = code.toUpperCase()
  const name = OTHER_NAMES[upper] ?? new Intl.DisplayNames('en', { type: 'region', fallback: 'none' }).of(upper)
  const lower = name?.toLowerCase()
  return lower !== undefined && /^[a-z]+( [a-z]+)*$/.test(lower) ? lower : undefined
}
