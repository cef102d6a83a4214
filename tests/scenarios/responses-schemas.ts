/**
 * What replies and events of the Responses API have to look like: Open Responses' document, OpenAI's document for what the
 * first does not know, and our own schemas. The documents stand beside the project; where they are absent our own are left.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ResponseEvent, ResponseObject } from '@llama-stack/api'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

export type Fields = Readonly<Record<string, unknown>>

interface Documents {
  /** Undefined: the document has no schema of this name. */
  openResponses(name: string): ValidateFunction | undefined
  openAi(name: string): ValidateFunction
}

const folder = new URL('../../../shared/spec/', import.meta.url)
const openResponsesFile = fileURLToPath(new URL('openresponses-spec.json', folder))
const openAiFile = fileURLToPath(new URL('openai-spec-2.3.0.yml', folder))

/** Why the documents are not asked; undefined where they are. */
export const missingDocuments =
  existsSync(openResponsesFile) && existsSync(openAiFile) ? undefined : 'the documents are not at ../shared/spec'
if (missingDocuments !== undefined)
  console.warn(`Responses are held against our own schemas only: ${missingDocuments}.`)

let opened: Documents | undefined

function documents(): Documents {
  // Reading them takes a second, and not every test needs it.
  return (opened ??= openDocuments())
}

function openDocuments(): Documents {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  // Published documents; whatever they hold, ajv reads it.
  const openResponses = JSON.parse(readFileSync(openResponsesFile, 'utf8')) as { components: { schemas: Fields } }
  ajv.addSchema(openResponses, 'open-responses')
  ajv.addSchema({ components: { schemas: openAiSchemas(['ResponseStreamEvent', 'OutputItem']) } }, 'openai')
  const find = (file: string, name: string): ValidateFunction | undefined =>
    ajv.getSchema(`${file}#/components/schemas/${name}`)
  return {
    openResponses: (name) => (name in openResponses.components.schemas ? find('open-responses', name) : undefined),
    openAi(name) {
      const found = find('openai', name)
      if (found === undefined) throw new Error(`OpenAI's document has no schema ${name}`)
      return found
    },
  }
}

/** These schemas and all that they refer to: parsing all 3 MB of the document would take longer than most tests. */
function openAiSchemas(names: readonly string[]): Fields {
  const lines = readFileSync(openAiFile, 'utf8').split('\n')
  const schemas: Record<string, unknown> = {}
  const read = (name: string): void => {
    if (name in schemas) return
    const start = lines.indexOf(`    ${name}:`)
    const length = lines.slice(start + 1).findIndex((line) => line.trim() !== '' && line.search(/\S/) <= 4)
    const text = lines.slice(start, start + 1 + length).join('\n')
    // An alias may name what stands in another entry; nothing that is read here does.
    const entry = parse(text.replaceAll(/: \*\w+$/gm, ': null'), withoutMistakes) as Fields
    schemas[name] = entry[name]
    for (const [, next = ''] of JSON.stringify(entry).matchAll(/#\/components\/schemas\/([\w-]+)/g)) read(next)
  }
  for (const name of names) read(name)
  return schemas
}

/** The document says of some members, not of their object, that they are required: no schema may. */
function withoutMistakes(key: unknown, value: unknown): unknown {
  return key === 'required' && (typeof value !== 'object' || value === null) ? undefined : value
}

/** Throws where a response is not what the documents say. */
export function checkResponse(response: Fields): void {
  expectOurs(ResponseObject.safeParse(response), response)
  if (missingDocuments !== undefined) return
  const items = response['output'] as readonly Fields[]
  for (const item of items) checkItem(item)
  // Items and tools that Open Responses does not know were held against OpenAI's document.
  const known = (of: Fields): boolean => KNOWN_ITEMS.has(String(of['type']))
  const tools = (response['tools'] as readonly Fields[]).filter(({ type }) => type === 'function')
  expectSchema('ResponseResource', {
    ...response,
    tool_choice: hasKnownChoice(response['tool_choice']) ? response['tool_choice'] : 'auto',
    text: withoutSchema(response['text'] as Fields),
    tools,
    output: items.filter(known).map(withoutFileCitations),
  })
}

/** Open Responses lets the schema of a format be nothing but null; OpenAI gives back what was asked for. */
function withoutSchema(text: Fields): Fields {
  const format = text['format'] as Fields
  return format['type'] === 'json_schema' ? { ...text, format: { ...format, schema: null } } : text
}

/** The items that Open Responses knows. */
const KNOWN_ITEMS = new Set(['message', 'function_call', 'function_call_output', 'reasoning'])

function hasKnownChoice(choice: unknown): boolean {
  if (typeof choice !== 'object' || choice === null) return true
  const { type, tools } = choice as { type?: unknown; tools?: readonly { type?: unknown }[] }
  return type === 'function' || (type === 'allowed_tools' && tools?.every((tool) => tool.type === 'function') === true)
}

function checkItem(item: Fields): void {
  if (KNOWN_ITEMS.has(String(item['type']))) expectSchema('ItemField', withoutFileCitations(item))
  if (!KNOWN_ITEMS.has(String(item['type'])) || citesFiles(item)) expectValid(documents().openAi('OutputItem'), item)
}

/** Open Responses has citations of URLs only; what cites files is held against OpenAI's document. */
function withoutFileCitations(of: Fields): Fields {
  // A copy of the same shape.
  return JSON.parse(JSON.stringify(of), (key, member: unknown) =>
    key === 'annotations' && Array.isArray(member) ? member.filter((each) => !citesFiles(each as Fields)) : member,
  ) as Fields
}

function citesFiles(of: Fields): boolean {
  return JSON.stringify(of).includes('"type":"file_citation"')
}

/** Throws where an event is not what the documents say. */
export function checkEvent(event: Fields): void {
  expectOurs(ResponseEvent.safeParse(event), event)
  if (missingDocuments !== undefined) return
  const { response, item } = event as { response?: Fields; item?: Fields }
  if (response !== undefined) return checkResponse(response)
  if (item !== undefined) return checkItem(item)
  const name = `Response${toPascal(String(event['type']).slice('response.'.length))}StreamingEvent`
  const validate = citesFiles(event) ? undefined : documents().openResponses(name)
  expectValid(validate ?? documents().openAi('ResponseStreamEvent'), event)
}

function toPascal(name: string): string {
  return name.replaceAll(/(?:^|[._])(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function expectSchema(name: string, value: unknown): void {
  const validate = documents().openResponses(name)
  if (validate === undefined) throw new Error(`Open Responses has no schema ${name}`)
  expectValid(validate, value)
}

function expectValid(validate: ValidateFunction, value: unknown): void {
  if (validate(value)) return
  const found = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  throw new Error(`${[...new Set(found)].join('\n')}\nin ${JSON.stringify(value, undefined, 2)}`)
}

function expectOurs(parsed: { readonly success: boolean; readonly error?: Error | undefined }, value: unknown): void {
  if (!parsed.success) throw new Error(`our own schema: ${parsed.error?.message}\nin ${JSON.stringify(value)}`)
}
