/** Examples: the smallest body that a schema accepts, and the curl command that sends it. */
import { bodySchema, resolveParameter, resolveSchema } from './openapi-document.ts'
import type { OpenApiDocument, Operation, Schema } from './openapi-document.ts'

/** What reads better than the word "string". */
const SAMPLES: Readonly<Record<string, unknown>> = Object.freeze({
  model: 'auto', // whatever the server has
  model_id: 'my-model',
  content: 'Hello!',
  input: 'Hello!',
  prompt: 'Once upon a time',
  query: 'What is a llama?',
  text: 'A llama is an animal of the Andes.',
})

const MAX_DEPTH = 6

/** A value that fits the schema: required fields only, the plainest choice everywhere. */
export function exampleOf(document: OpenApiDocument, schema: Schema, name = ''): unknown {
  return build(schema, { document, name, depth: 0 })
}

interface Place {
  readonly document: OpenApiDocument
  /** The field that the value is for. */
  readonly name: string
  readonly depth: number
}

function build(schema: Schema, { document, name, depth }: Place): unknown {
  const whole = resolveSchema(document, schema)
  if (whole.const !== undefined) return whole.const
  if (whole.default !== undefined) return whole.default
  if (whole.enum !== undefined) return whole.enum[0]
  if (depth > MAX_DEPTH) return null
  const within = (key: string): Place => ({ document, name: key, depth: depth + 1 })
  const choices = whole.oneOf ?? whole.anyOf
  if (choices !== undefined) return build(plainest(document, choices), within(name))
  const type = typeof whole.type === 'string' ? whole.type : whole.type?.[0]
  if (type === 'object') {
    const fields = whole.required ?? []
    return Object.fromEntries(fields.map((key) => [key, build(whole.properties?.[key] ?? {}, within(key))]))
  }
  if (type === 'array') return [build(whole.items ?? {}, within(name))]
  if (type === 'integer' || type === 'number') return whole.minimum ?? 1
  if (type === 'boolean') return true
  return type === 'null' ? null : (SAMPLES[name] ?? 'text')
}

/** Of several messages the user's, of several types the simplest. */
function plainest(document: OpenApiDocument, choices: readonly Schema[]): Schema {
  const user = choices.find((choice) => resolveSchema(document, choice).properties?.['role']?.const === 'user')
  return user ?? choices.find((choice) => choice.type === 'string') ?? choices[0] ?? {}
}

/** The command that calls an operation of the server at the URL. */
export function curlCommand(document: OpenApiDocument, operation: Operation, base: string): string {
  const query = (operation.parameters ?? [])
    .map((parameter) => resolveParameter(document, parameter))
    .filter((parameter) => parameter.in === 'query' && parameter.required === true)
    .map(({ name = '', schema = {} }) => `${name}=${encodeURIComponent(String(exampleOf(document, schema, name)))}`)
  const path = operation.path.replaceAll(/\{([^}]+)\}/g, (_whole, name: string) => name.toUpperCase())
  const url = `${base}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
  const schema = bodySchema(operation)
  // curl posts what has a body.
  const isUsual = operation.method === (schema === undefined ? 'GET' : 'POST')
  const lines = [`curl ${isUsual ? '' : `-X ${operation.method} `}${quoted(url)}`]
  // Routes that need no key say so with an empty list.
  if (operation.security?.length !== 0) lines.push('-H "Authorization: Bearer $LLAMA_STACK_API_KEY"')
  if (schema !== undefined) {
    lines.push(
      "-H 'Content-Type: application/json'",
      `-d ${quoted(JSON.stringify(exampleOf(document, schema), null, 2))}`,
    )
  }
  return lines.join(' \\\n  ')
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
