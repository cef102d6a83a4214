/** What every search engine has in common: the key, the call, the recording, and what is made of the reply. */
import { defineProvider, isStackError, StackError } from '@llama-stack/api'
import type {
  AnyProviderDefinition,
  JsonObject,
  ProviderCall,
  ProviderInput,
  RecordingKey,
  ToolRuntimeProvider,
  UpstreamRequest,
  WebSearchHit,
  WebSearchRequest,
  WebSearchResult,
} from '@llama-stack/api'
import { readAll } from '../../kernel/byte-stream.ts'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import { lazy } from '../../kernel/lazy.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'
import { filtersDomains, isAllowed } from './_domain-filter.ts'
import { DEFAULT_RESULTS, DEFAULT_TIMEOUT_SECONDS, toSearchSettings } from './_search-settings.ts'
import type { SearchSettings } from './_search-settings.ts'

/** One result as the model is told of it; an engine may add members of its own. */
export interface ResultRow {
  readonly url: string
  readonly title: string
  readonly content: string
  readonly published_date?: string
  readonly [more: string]: unknown
}

/** One search as it is put to an engine. */
export interface EngineQuery extends WebSearchRequest {
  readonly baseUrl: string
  /** Empty in a replay, which needs none. */
  readonly key: string
  /** How many results to ask for. */
  readonly count: number
}

/** A failed reply, read. */
export type EngineFailure = Parameters<typeof toProviderError>[1]

/** What there is to know of one engine. */
export interface SearchEngine<ResultsKey extends string> {
  readonly type: string
  readonly description: string
  /** The engine's name in recordings. */
  readonly recordedAs: string
  readonly credential: { readonly providerData: string; readonly env: string }
  readonly baseUrl: string
  /** Upstream's name for the setting, and the most that the engine gives at a time. */
  readonly resultsKey: ResultsKey
  readonly maxResults: number
  toRequest(search: EngineQuery): Pick<UpstreamRequest, 'method' | 'url' | 'headers' | 'body'>
  /** The results of a parsed reply, the best first; undefined where it has no list of them. */
  readRows(reply: Readonly<Record<string, unknown>>): readonly ResultRow[] | undefined
  /** Default: the status and the words decide. */
  toError?(provider: string, failure: EngineFailure): StackError
}

/** Declares the provider of an engine. */
export function defineSearchEngine<const ResultsKey extends string>(
  engine: SearchEngine<ResultsKey>,
): AnyProviderDefinition<'tool_runtime'> {
  const { type, description, credential, resultsKey, maxResults, baseUrl } = engine
  const schema = lazy(() => toSearchSettings({ resultsKey, maxResults, baseUrl, env: credential.env }))
  return defineProvider({
    api: 'tool_runtime',
    type,
    description,
    get config() {
      return schema()
    },
    credential,
    off: (settings) =>
      findKey(settings.api_key) === undefined ? `no key; set api_key (${credential.env})` : undefined,
    create: (input): ToolRuntimeProvider => ({
      webSearch: (request, call) => search(engine, { input, request, call }),
    }),
  })
}

/** A key that says something: files and headers say "none" with null and with an empty string. */
function findKey(key: unknown): string | undefined {
  if (typeof key === 'number') return String(key)
  return typeof key === 'string' && key !== '' ? key : undefined
}

interface Asked<ResultsKey extends string> {
  readonly input: ProviderInput<SearchSettings<ResultsKey>>
  readonly request: WebSearchRequest
  readonly call: ProviderCall
}

async function search<ResultsKey extends string>(
  engine: SearchEngine<ResultsKey>,
  asked: Asked<ResultsKey>,
): Promise<WebSearchResult> {
  try {
    return await ask(engine, asked)
  } catch (error) {
    const { location, ...request } = asked.request
    if (location === undefined || !isStackError(error, 'provider_invalid_request')) throw error
    // Where the person is, is a hint: an engine that does not know the country is asked without it.
    return ask(engine, { ...asked, request })
  }
}

async function ask<ResultsKey extends string>(
  engine: SearchEngine<ResultsKey>,
  { input, request, call }: Asked<ResultsKey>,
): Promise<WebSearchResult> {
  const { id, config, upstream } = input
  const configured: number | null | undefined = config[engine.resultsKey]
  const wanted = Math.min(request.maxResults ?? configured ?? DEFAULT_RESULTS, engine.maxResults)
  const timeoutMs = (config.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1000
  const toResult = (replyText: string): string => toModelText(engine, replyText, { id, request, wanted })
  const response = await upstream.send({
    ...engine.toRequest({
      ...request,
      baseUrl: (config.base_url ?? engine.baseUrl).replace(/\/+$/, ''),
      key: chooseKey(engine, input, call),
      // What is filtered out afterwards has to be made up for.
      count: filtersDomains(request) ? engine.maxResults : wanted,
    }),
    chosenBy: 'operator',
    provider: id,
    signal: call.signal,
    headersTimeoutMs: timeoutMs,
    idleTimeoutMs: timeoutMs,
    recording: toRecordingKey(engine, { request, call, toResult }),
  })
  const text = await readText(engine, id, response)
  // What was recorded is the tool's result; the engine itself answers in its own words.
  const modelText = findResult(text) === undefined ? toResult(text) : text
  return { modelText, hits: (findResult(modelText) ?? []).map(toHit) }
}

/** The caller's own key first, then the operator's. */
function chooseKey<ResultsKey extends string>(
  { credential: { providerData: header, env } }: SearchEngine<ResultsKey>,
  { id, config, replaying = false }: ProviderInput<SearchSettings<ResultsKey>>,
  call: ProviderCall,
): string {
  const key = findKey(call.providerData[header]) ?? findKey(config.api_key)
  if (key === undefined && !replaying) throw new StackError('provider_key_missing', { provider: id, header, env })
  return key ?? ''
}

/** The largest reply that is read. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024

async function readText<ResultsKey extends string>(
  engine: SearchEngine<ResultsKey>,
  provider: string,
  response: Awaited<ReturnType<ProviderInput<unknown>['upstream']['send']>>,
): Promise<string> {
  const { status, headers, body } = response
  if (status >= 300 && status < 400) {
    body.cancel()
    const reason = `it redirects to '${headers['location'] ?? ''}' (status ${status}); check base_url`
    throw new StackError('provider_bad_reply', { provider, reason })
  }
  const text = Buffer.from(await readAll(body, MAX_REPLY_BYTES, provider)).toString()
  if (status < 300) return text
  const failure = { status, headers, bodyText: text }
  throw engine.toError?.(provider, failure) ?? toProviderError(provider, failure)
}

/** Only what decides which pages are found is part of the name: upstream names a search by its query alone. */
function toRecordingKey<ResultsKey extends string>(
  engine: SearchEngine<ResultsKey>,
  { request, call, toResult }: Pick<Asked<ResultsKey>, 'request' | 'call'> & { toResult: (text: string) => string },
): RecordingKey {
  const { query, maxResults, allowedDomains = [], blockedDomains = [] } = request
  const decisive: JsonObject = {
    query,
    ...(maxResults !== undefined && { max_results: maxResults }),
    ...(allowedDomains.length > 0 && { allowed_domains: allowedDomains }),
    ...(blockedDomains.length > 0 && { blocked_domains: blockedDomains }),
  }
  return {
    kind: 'tool',
    provider: engine.recordedAs,
    toolName: 'web_search',
    arguments: decisive,
    testId: call.testId ?? null,
    toResult,
  }
}

/** How much of each result the model is told where little is wanted. */
const LOW_CONTEXT_CHARACTERS = 400

interface Reading {
  readonly id: string
  readonly request: WebSearchRequest
  readonly wanted: number
}

/** The engine's reply as the model is told it: the shape that upstream hands on of Tavily's, for every engine. */
function toModelText<ResultsKey extends string>(
  engine: SearchEngine<ResultsKey>,
  replyText: string,
  { id, request, wanted }: Reading,
): string {
  const reply = parseJson(replyText)
  const rows = isRecord(reply) ? engine.readRows(reply) : undefined
  if (rows === undefined) {
    const reason = reply === undefined ? 'the body is not JSON' : 'the reply has no list of results'
    throw new StackError('provider_bad_reply', { provider: id, reason })
  }
  const kept = rows.filter(({ url }) => !filtersDomains(request) || isAllowed(url, request)).slice(0, wanted)
  const told =
    request.contextSize === 'low'
      ? kept.map((row) => ({ ...row, content: shorten(row.content, LOW_CONTEXT_CHARACTERS) }))
      : kept
  return JSON.stringify({ query: request.query, top_k: told })
}

function shorten(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters).trimEnd()}…`
}

/** The rows of a text that is a tool's result already. */
function findResult(text: string): readonly ResultRow[] | undefined {
  const rows = asRecord(parseJson(text))['top_k']
  return Array.isArray(rows) ? rows.map((row) => toRow(asRecord(row))).filter((row) => row !== undefined) : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A row of an engine's list that has the usual members; undefined where it leads nowhere. */
export function toRow(of: Readonly<Record<string, unknown>>): ResultRow | undefined {
  const { url, title, content, published_date: date, ...more } = of
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined
  return {
    url,
    title: typeof title === 'string' ? title : url,
    content: typeof content === 'string' ? content : '',
    ...(typeof date === 'string' && { published_date: date }),
    ...more,
  }
}

function toHit({ url, title, content, published_date: date }: ResultRow): WebSearchHit {
  return { url, title, text: content, ...(date !== undefined && { date }) }
}
