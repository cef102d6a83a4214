/** Path, query and body of one request become the one object that an operation receives. */
import type * as z from 'zod'
import { bug, findDuplicateKey, StackError } from '@llama-stack/api'
import type { Route } from '@llama-stack/api'
import { parseOnce } from '../kernel/parse-once.ts'
import { toQueryValues } from './query-values.ts'
import type { RawQuery } from './query-values.ts'
import { toSchemaGuard } from './schema-guard.ts'
import { hasDefault } from './schema-walk.ts'
import { toValidationError } from './validation-error.ts'
import { isRecord } from '../kernel/json-record.ts'

/** The parts of a request, as they came. */
interface RequestParts {
  readonly params: Readonly<Record<string, string>>
  readonly query: RawQuery
  readonly body: unknown
}

/** Parses a request; throws `invalid_value` or `missing_field`. */
export type RequestParser = (parts: RequestParts) => object

/**
 * The parser of a route. The body stays the client's own object, with its unknown fields and the order of its keys,
 * because it travels on to providers; defaults of the schema are filled in. The path is merged last, so that no body
 * can claim another id than the one that was asked for.
 */
export function createRequestParser(route: Route): RequestParser {
  const duplicate = findDuplicateKey(route)
  if (duplicate !== undefined) bug(`${route.method} ${route.path} declares '${duplicate}' twice`)
  const { body: bodySchema, query: querySchema, params: paramsSchema } = route
  // Asked once per route, so that the bodies of hot routes are not walked.
  const bodyHasDefaults = bodySchema !== undefined && hasDefault(bodySchema)
  const guard = bodySchema === undefined || bodyHasDefaults ? undefined : toSchemaGuard(bodySchema)
  let uses = 0
  return ({ params, query, body }) => {
    // The first requests after a start do not wait for zod to compile what the later ones profit from.
    const how = uses < COMPILE_AFTER ? parseOnce : undefined
    uses += 1
    let request: Record<string, unknown> = {}
    if (bodySchema !== undefined) {
      if (guard?.(body) !== true) {
        const parsed = parsePart(bodySchema, body, how)
        // It passed an object schema.
        if (bodyHasDefaults) fillDefaults(body as Record<string, unknown>, parsed)
      }
      request = body as Record<string, unknown> // one of the two has found an object
    }
    if (querySchema !== undefined)
      Object.assign(request, parsePart(querySchema, toQueryValues(query, querySchema), how))
    return Object.assign(request, paramsSchema === undefined ? params : parsePart(paramsSchema, params, how))
  }
}

/** Requests of one route after which compiling its schemas pays. */
const COMPILE_AFTER = 8

function parsePart(schema: z.ZodObject, part: unknown, how: typeof parseOnce | undefined): Record<string, unknown> {
  const result = schema.safeParse(part, how)
  if (!result.success) throw toValidationError(result.error.issues, schema, part)
  return result.data
}

/** Copies what the schema added, at any depth, without touching what the client sent. */
function fillDefaults(target: Record<string, unknown>, parsed: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(parsed)) {
    const own = Object.hasOwn(target, key) ? target[key] : undefined
    if (own === undefined) target[key] = value
    else if (isRecord(own) && isRecord(value)) fillDefaults(own, value)
    else if (Array.isArray(own) && Array.isArray(value)) {
      for (const [index, item] of own.entries()) {
        const filled: unknown = value[index]
        if (isRecord(item) && isRecord(filled)) fillDefaults(item, filled)
      }
    }
  }
}

/** Parses a JSON body; throws `invalid_json`. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StackError('invalid_json', { reason }, { cause: error })
  }
}
