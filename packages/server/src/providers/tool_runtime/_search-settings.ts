/** The configuration of a search engine: the keys of both upstream generations, strict. */
import * as z from 'zod'

/** What a configuration may say, with upstream's name for the number of results. */
export type SearchSettings<ResultsKey extends string> = {
  readonly api_key?: string | number | null | undefined
  readonly base_url?: string | null | undefined
  readonly timeout?: number | null | undefined
} & { readonly [Key in ResultsKey]?: number | null | undefined }

/** What tells one engine's settings from another's. */
export interface SettingsFacts<ResultsKey extends string> {
  readonly resultsKey: ResultsKey
  /** The most that the engine gives at a time. */
  readonly maxResults: number
  readonly env: string
  readonly baseUrl: string
}

/** How many results a search gives where nobody says. */
export const DEFAULT_RESULTS = 5

/** Seconds until an engine has to answer. */
export const DEFAULT_TIMEOUT_SECONDS = 30

/** Builds the strict schema of an engine's configuration. */
export function toSearchSettings<const ResultsKey extends string>(
  facts: SettingsFacts<ResultsKey>,
): z.ZodType<SearchSettings<ResultsKey>> {
  const schema = z.strictObject({
    // A key of digits only has become a number by the time it arrives here.
    api_key: z
      .union([z.string(), z.number()])
      .nullish()
      .describe(`The key for this engine. Usually \${env.${facts.env}:=}.`),
    [facts.resultsKey]: z
      .int()
      .min(1)
      .max(facts.maxResults)
      .nullish()
      .describe(`How many results a search gives. Default: ${DEFAULT_RESULTS}.`),
    base_url: z
      .url({ protocol: /^https?$/ })
      .nullish()
      .describe(`Where the API is. Default: ${facts.baseUrl}.`),
    timeout: z
      .number()
      .positive()
      .nullish()
      .describe(`Seconds until a reply has to come. Default: ${DEFAULT_TIMEOUT_SECONDS}.`),
  })
  // A computed key widens to `string` in the inferred type; it is the one key that the facts name.
  return schema as unknown as z.ZodType<SearchSettings<ResultsKey>>
}
