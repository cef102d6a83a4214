/** The OpenAPI 3.1 document, generated from the route table. */
import type { z } from 'zod'
import { errorTable } from '@llama-stack/api'
import type { ErrorCode, ErrorRow, JsonObject, Route, StreamDialect } from '@llama-stack/api'
import type { BoundRoute } from './bound-route.ts'
import { createSchemaCollector } from './openapi-schemas.ts'
import type { SchemaCollector } from './openapi-schemas.ts'

/** What the document says about the server as a whole. */
export interface OpenApiInfo {
  readonly title: string
  readonly version: string
  readonly description?: string
}

/** Generates the document. The same routes always give the same text. */
export function toOpenApi(routes: readonly BoundRoute[], info: OpenApiInfo): JsonObject {
  const schemas = createSchemaCollector()
  const paths: Record<string, Record<string, JsonObject>> = {}
  for (const bound of routes) {
    const { path, aliases = [], method } = bound.route
    for (const one of [path, ...aliases]) {
      const item = (paths[withoutStars(one)] ??= {})
      item[method.toLowerCase()] = toOperation(bound, one, schemas)
    }
  }
  return {
    openapi: '3.1.0',
    info: { ...info },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map((bound) => bound.tag))].map((name) => ({ name })),
    security: [{ bearer: [] }, { apiKey: [] }, { googleApiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'Needed when the server was started with API keys.' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'As the Anthropic SDK sends it.' },
        googleApiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-goog-api-key',
          description: 'As the Google SDK sends it.',
        },
      },
      parameters: { ProviderData: PROVIDER_DATA, RequestId: REQUEST_ID },
      schemas: { ...schemas.components(), Error: ERROR_SCHEMA },
    },
  }
}

/** OpenAPI has no parameter that takes slashes; the parameter's description says it. */
const withoutStars = (path: string): string => path.replaceAll('*}', '}')

const PROVIDER_DATA: JsonObject = {
  name: 'X-LlamaStack-Provider-Data',
  in: 'header',
  required: false,
  description: 'A JSON object with your own credentials for providers. `X-OGX-Provider-Data` is accepted too.',
  schema: { type: 'string' },
}

const REQUEST_ID: JsonObject = {
  name: 'X-Request-Id',
  in: 'header',
  required: false,
  description: 'Your own id for this request; it is sent back and written to the log.',
  schema: { type: 'string', maxLength: 128 },
}

const ERROR_SCHEMA: JsonObject = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string', description: 'What happened, with the value, and what to do next.' },
        type: { type: 'string' },
        param: { type: ['string', 'null'], description: 'The field at fault, as in `messages[0].role`.' },
        code: { type: 'string', description: 'Stable; branch on it.' },
      },
    },
  },
}

function toOperation(bound: BoundRoute, path: string, schemas: SchemaCollector): JsonObject {
  const { route, name, tag } = bound
  const aliases: readonly string[] = route.aliases ?? []
  const alias = aliases.indexOf(path) + 1
  const notes = [
    route.description,
    alias > 0 && `The same as \`${withoutStars(route.path)}\`.`,
    alias === 0 &&
      aliases.length > 0 &&
      `Also served at ${aliases.map((other) => `\`${withoutStars(other)}\``).join(', ')}.`,
    route.webSocket !== undefined &&
      `Also over a WebSocket, which \`GET\` on this path opens: messages of the type \`${route.webSocket.message}\` are calls.`,
  ].filter((note) => typeof note === 'string')
  return {
    // An id must be unique in the document.
    operationId: alias === 0 ? `${tag}.${name}` : `${tag}.${name}.alias${alias}`,
    tags: [tag],
    ...(alias > 0 && { 'x-alias-of': withoutStars(route.path) }),
    summary: route.summary,
    ...(notes.length > 0 && { description: notes.join('\n\n') }),
    ...(route.stability === 'deprecated' && { deprecated: true }),
    ...(route.stability !== undefined && { 'x-stability': route.stability }),
    ...(route.access === 'public' && { security: [] }),
    parameters: toParameters(route, schemas),
    ...(route.body !== undefined && {
      requestBody: {
        required: true,
        content: toBodyContent(route.body, route.forms === true, schemas),
      },
    }),
    responses: toResponses(route, schemas),
  }
}

function toBodyContent(body: z.ZodType, forms: boolean, schemas: SchemaCollector): JsonObject {
  const schema = schemas.toSchema(body, 'input')
  const form = { 'application/x-www-form-urlencoded': { schema } }
  return { 'application/json': { schema }, ...(forms && form) }
}

function toParameters(route: Route, schemas: SchemaCollector): JsonObject[] {
  const parameters: JsonObject[] = []
  for (const [, name = '', star] of route.path.matchAll(/\{([a-z_][a-z0-9_]*)(\*?)\}/gi)) {
    const field = route.params?.shape[name]
    const schema = field === undefined ? { type: 'string' } : schemas.toSchema(field, 'input')
    const note = star === '*' ? { description: 'May contain slashes.' } : {}
    parameters.push({ name, in: 'path', required: true, ...note, ...withDescription(schema) })
  }
  for (const [name, field] of Object.entries(route.query?.shape ?? {})) {
    const required = !field.safeParse(undefined).success
    parameters.push({ name, in: 'query', required, ...withDescription(schemas.toSchema(field, 'input')) })
  }
  parameters.push({ $ref: '#/components/parameters/ProviderData' }, { $ref: '#/components/parameters/RequestId' })
  return parameters
}

/** A parameter's description stands beside its schema, where readers look for it. */
function withDescription(schema: JsonObject): JsonObject {
  const { description, ...rest } = schema
  return typeof description === 'string' ? { description, schema: rest } : { schema }
}

/** What any route may answer, by what it declares. */
function commonErrors(route: Route): readonly ErrorCode[] {
  const checked: ErrorCode[] = ['invalid_value', 'missing_field']
  return [
    ...(route.body === undefined
      ? []
      : (['invalid_json', ...checked, 'body_too_large', 'unsupported_media_type'] as const)),
    ...(route.body === undefined && (route.query ?? route.params) !== undefined ? checked : []),
    ...(route.access === 'public' ? [] : (['api_key_required', 'invalid_api_key'] as const)),
    'server_shutting_down',
    'internal_error',
  ]
}

const streamNotes: Readonly<Record<StreamDialect, string>> = Object.freeze({
  'openai-chunks': 'The last line is `data: [DONE]`.',
  'openai-events': 'The `event:` line before it has its `type`. There is no `[DONE]`.',
})

function toResponses(route: Route, schemas: SchemaCollector): JsonObject {
  const responses: Record<string, JsonObject> = {}
  const content: Record<string, JsonObject> = {}
  if (route.response !== undefined) content['application/json'] = { schema: schemas.toSchema(route.response, 'output') }
  if (route.event !== undefined) {
    const schema = schemas.toSchema(route.event, 'output')
    content['text/event-stream'] = {
      schema: {
        ...schema,
        description: `The JSON of each \`data:\` line when the ${route.body === undefined ? 'query' : 'body'} says \`stream: true\`. ${streamNotes[route.streamDialect ?? 'openai-chunks']}`,
      },
    }
  }
  const status = route.status ?? (route.response === undefined && route.event === undefined ? 204 : 200)
  responses[String(status)] = { description: 'Success', ...(Object.keys(content).length > 0 && { content }) }
  const codes = Object.groupBy(new Set([...(route.errors ?? []), ...commonErrors(route)]), (code) =>
    String(statusOf(code)),
  )
  for (const [failure, group = []] of Object.entries(codes)) {
    responses[failure] = {
      description: group.map((code) => `\`${code}\``).join(', '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      'x-error-codes': group,
    }
  }
  return responses
}

function statusOf(code: ErrorCode): number {
  // Only a provider's own status depends on details; without one the row tells its fallback.
  const { status } = errorTable[code] as unknown as ErrorRow<object>
  return typeof status === 'function' ? status({}) : status
}
