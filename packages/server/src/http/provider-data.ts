/** The provider-data header of both generations: a caller's own credentials and hints for providers, as JSON. */
import type { IncomingHttpHeaders } from 'node:http'
import type { JsonObject, Log } from '@llama-stack/api'

/** What the header said. */
export interface ProviderData {
  readonly providerData: JsonObject
  /** `__test_id`: part of a recording's hash. */
  readonly testId?: string
}

const NONE: ProviderData = Object.freeze({ providerData: Object.freeze({}) })

/** Reads the header. One that cannot be read is logged and ignored, as upstream does; its content is never logged. */
export function parseProviderData(headers: IncomingHttpHeaders, log: Log): ProviderData {
  const header = headers['x-llamastack-provider-data'] ?? headers['x-ogx-provider-data']
  if (typeof header !== 'string') return NONE
  const given = findObject(header)
  if (given === undefined) {
    log.warn('The provider-data header is not a JSON object; it is ignored.', { length: header.length })
    return NONE
  }
  const providerData: Record<string, JsonObject[string]> = {}
  for (const [key, value] of Object.entries(given)) {
    if (!key.startsWith('__')) providerData[key] = value
  }
  const testId = given['__test_id']
  return typeof testId === 'string' ? { providerData, testId } : { providerData }
}

function findObject(text: string): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    // JSON.parse yields nothing else than JSON.
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : undefined
  } catch {
    return undefined
  }
}
