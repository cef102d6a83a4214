/** The wire schemas of responses and conversations, held against OpenAI's own document and its examples. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import {
  CompactRequest,
  conversations,
  CreateConversationRequest,
  CreateResponseRequest,
  InputItem,
  InputTokensRequest,
  ItemResource,
  OutputItem,
  ResponseEvent,
  ResponseObject,
  responses,
  ResponseTool,
} from '@llama-stack/api'
import type { Route } from '@llama-stack/api'
import { isRecord } from '../kernel/json-record.ts'
import { toSchemaGuard } from './schema-guard.ts'

const file = fileURLToPath(new URL('../../../../../shared/spec/openai-spec-2.3.0.yml', import.meta.url))
const isThere = existsSync(file)
const lines = isThere ? readFileSync(file, 'utf8').split('\n') : []

/** One entry of the document: parsing all its 3 MB would take longer than all these tests. */
function entryOf(start: number): unknown {
  const [line = ''] = lines.slice(start, start + 1)
  const indent = line.search(/\S/)
  const length = lines.slice(start + 1).findIndex((next) => next.trim() !== '' && next.search(/\S/) <= indent)
  const text = lines.slice(start, start + 1 + length).join('\n')
  // An alias may name what stands in another entry; nothing that is read here does.
  const document: unknown = parse(text.replaceAll(/: \*\w+$/gm, ': null'))
  return isRecord(document) ? Object.values(document)[0] : undefined
}

const schemaNamed = (name: string): unknown => entryOf(lines.indexOf(`    ${name}:`))

const Reference = z.object({ $ref: z.string() })
const Union = z.object({ anyOf: z.array(Reference) })
const Kinds = z.object({ oneOf: z.array(Reference) })
const TypeName = z.object({ enum: z.tuple([z.string()]) })

const schemaAt = ({ $ref }: z.infer<typeof Reference>): unknown =>
  schemaNamed($ref.replace('#/components/schemas/', ''))

/** The properties of a documented object, those of its parts included. */
function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(schema)) return {}
  const reference = Reference.safeParse(schema)
  if (reference.success) return propertiesOf(schemaAt(reference.data))
  const { allOf, properties } = schema
  const parts = Array.isArray(allOf) ? allOf.map(propertiesOf) : []
  return Object.assign({}, ...parts, properties) as Record<string, unknown> // records of records
}

/** The values of `type` that the members of a documented union have: the first where a member has several. */
const documentedTypes = (union: string): string[] =>
  Kinds.parse(schemaNamed(union)).oneOf.map((member) => {
    const { type } = propertiesOf(schemaAt(member))
    return z.object({ enum: z.array(z.string()).min(1) }).parse(type).enum[0] ?? ''
  })

/** The values of `type` that one of our unions knows: what it tells whoever sends another. */
function knownTypes(schema: z.ZodType): unknown[] {
  const listed = (issues: readonly z.core.$ZodIssue[]): unknown[] =>
    issues.flatMap((issue) => {
      if (issue.code !== 'invalid_union') return []
      return 'options' in issue && issue.options !== undefined ? [...issue.options] : issue.errors.flatMap(listed)
    })
  return listed(schema.safeParse({ type: 'no such type' }).error?.issues ?? [])
}
const EventSchema = z.object({
  properties: z.object({ type: TypeName }),
  'x-oaiMeta': z.object({ example: z.string() }),
})

function documentedEvents(): { readonly type: string; readonly example: string }[] {
  return Union.parse(schemaNamed('ResponseStreamEvent')).anyOf.map(({ $ref }) => {
    const schema = EventSchema.parse(schemaAt({ $ref }))
    return { type: schema.properties.type.enum[0], example: schema['x-oaiMeta'].example }
  })
}

const Example = z.object({
  title: z.string().default('its example'),
  request: z.object({ curl: z.string() }),
  response: z.string(),
})
const Operation = z.object({
  'x-oaiMeta': z.object({ examples: z.union([z.array(Example), Example.transform((one) => [one])]) }),
})

interface DocumentedExample {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly body: string | undefined
  readonly reply: string
}

function documentedExamples(): DocumentedExample[] {
  const paths = lines.flatMap((line, at) => {
    const [, path] = /^ {2}(\/(?:responses|conversations)\S*):$/.exec(line) ?? []
    return path === undefined ? [] : [{ path, operations: z.record(z.string(), z.unknown()).parse(entryOf(at)) }]
  })
  return paths.flatMap(({ path, operations }) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      Operation.parse(operation)['x-oaiMeta'].examples.map(({ title, request, response }) => ({
        name: `${method.toUpperCase()} ${path}, ${title}`,
        method: method.toUpperCase(),
        path,
        body: /-d '([^]*)'/.exec(request.curl)?.[1],
        reply: response,
      })),
    ),
  )
}

const routes: readonly Route[] = [...Object.values(responses), ...Object.values(conversations)]

const findRoute = ({ method, path }: DocumentedExample): Route | undefined =>
  routes.find((route) => route.method === method && route.path === `/v1${path}`)

interface Held {
  readonly name: string
  readonly schema: z.ZodType
  readonly value: unknown
}

/** The bodies that the examples send, and the schema that each has to pass. */
function documentedRequests(): Held[] {
  return documentedExamples().flatMap((example) =>
    example.body === undefined
      ? []
      : [
          {
            name: example.name,
            schema: findRoute(example)?.body ?? z.never(),
            value: JSON.parse(example.body) as unknown,
          },
        ],
  )
}

/** What the examples are answered: an object, or the events of a stream. */
function documentedReplies(): Held[] {
  return documentedExamples().map((example) => {
    const events = [...example.reply.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data) as unknown)
    const { event = z.never(), response = z.never() } = findRoute(example) ?? {}
    return events.length === 0
      ? { name: example.name, schema: response, value: JSON.parse(example.reply) as unknown }
      : { name: example.name, schema: z.array(event), value: events }
  })
}

/** What Open Responses requires of a response beyond OpenAI's document. */
const REQUIRED_SINCE: Readonly<Record<string, unknown>> = Object.freeze({
  background: false,
  completed_at: null,
  frequency_penalty: 0,
  max_tool_calls: null,
  parallel_tool_calls: true,
  presence_penalty: 0,
  prompt_cache_key: null,
  reasoning: null,
  safety_identifier: null,
  service_tier: 'default',
  store: true,
  top_logprobs: 0,
})

/** Examples are older than the document: its required fields are added to what they show. */
function complete(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(complete)
  if (!isRecord(value)) return value
  const inner = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, complete(item)]))
  return { ...additionsTo(inner), ...inner }
}

function additionsTo(value: Readonly<Record<string, unknown>>): object {
  const { object, type } = value
  if (object === 'response') return REQUIRED_SINCE
  if ('input_tokens' in value) return { input_tokens_details: { cached_tokens: 0 } }
  if (type === 'output_text') return { logprobs: [] }
  if (type === 'message') return { status: 'completed' }
  if (type === 'web_search_call') return { action: { type: 'search', query: '' } }
  return typeof type === 'string' && type.startsWith('response.') ? { sequence_number: 0, logprobs: [] } : {}
}

const problemsOf = (schema: z.ZodType, value: unknown): readonly unknown[] =>
  schema.safeParse(value).error?.issues.map(({ path, message }) => [path.join('.'), message]) ?? []

/** An example that is no valid JSON, one of another API, and one whose annotation has a type of its own. */
const BROKEN_EXAMPLES: readonly string[] = [
  'response.function_call_arguments.delta',
  'response.queued',
  'response.output_text.annotation.added',
]

describe.skipIf(!isThere)(
  `OpenAI’s document${isThere ? '' : ' (skipped: ../shared/spec/openai-spec-2.3.0.yml is absent)'}`,
  () => {
    it('has the events that we have', () => {
      const ours = ResponseEvent.options.map((event) => event.shape.type.value)
      expect(
        documentedEvents()
          .map(({ type }) => type)
          .toSorted(),
      ).toEqual(ours.toSorted())
    })

    it('shows events that our schema accepts', () => {
      const shown = documentedEvents().filter(({ type }) => !BROKEN_EXAMPLES.includes(type))
      expect(shown).toHaveLength(50)
      for (const { type, example } of shown) {
        expect([type, ...problemsOf(ResponseEvent, complete(JSON.parse(example)))]).toEqual([type])
      }
    })

    it.each<[string, z.ZodObject]>([
      ['CreateResponse', CreateResponseRequest],
      ['CompactResponseMethodPublicBody', CompactRequest],
      ['TokenCountsBody', InputTokensRequest],
      ['CreateConversationBody', CreateConversationRequest],
    ])('has in %s no parameter that we do not declare', (name, schema) => {
      const documented = Object.keys(propertiesOf(schemaNamed(name)))
      expect(documented.length).toBeGreaterThan(0)
      expect(documented.filter((key) => !(key in schema.shape))).toEqual([])
    })

    it('has in Response one field that we do not declare, which SDKs compute', () => {
      const documented = Object.keys(propertiesOf(schemaNamed('Response')))
      expect(documented.filter((key) => !(key in ResponseObject.shape))).toEqual(['output_text'])
    })

    it.each<[string, z.ZodType]>([
      ['Item', InputItem],
      ['OutputItem', OutputItem],
      ['ItemResource', ItemResource],
      ['ConversationItem', ItemResource],
      ['Tool', ResponseTool],
    ])('has in %s no kind that we do not know', (union, schema) => {
      expect(documentedTypes(union).length).toBeGreaterThan(14)
      expect(knownTypes(schema)).toEqual(expect.arrayContaining(documentedTypes(union)))
    })

    it('has operations that are all served, at both base paths', () => {
      const examples = documentedExamples()
      expect(examples).toHaveLength(22)
      for (const example of examples) {
        expect([example.name, findRoute(example)?.aliases]).toEqual([example.name, [`/v1/openai/v1${example.path}`]])
      }
    })

    it.each(documentedRequests())('$name: the request is accepted, by the guard too', ({ schema, value }) => {
      expect(problemsOf(schema, value)).toEqual([])
      expect(toSchemaGuard(schema)?.(value)).toBe(true)
    })

    it.each(documentedReplies())('$name: the reply is accepted', ({ schema, value }) => {
      expect(problemsOf(schema, complete(value))).toEqual([])
    })
  },
)

const openResponses = fileURLToPath(new URL('../../../../../shared/spec/openresponses-spec.json', import.meta.url))
const isThereToo = existsSync(openResponses)

describe.skipIf(!isThereToo)(
  `Open Responses’ document${isThereToo ? '' : ' (skipped: ../shared/spec/openresponses-spec.json is absent)'}`,
  () => {
    it('requires fields that a response of ours has to have', () => {
      const resource = z.object({ required: z.array(z.string()).min(20) })
      const document = z.object({
        components: z.object({ schemas: z.object({ ResponseResource: resource }) }),
      })
      const { components } = document.parse(JSON.parse(readFileSync(openResponses, 'utf8')))
      const { shape } = ResponseObject
      const required = Object.entries(shape).flatMap(([key, field]) =>
        field.safeParse(undefined).success ? [] : [key],
      )
      expect(required).toEqual(expect.arrayContaining(components.schemas.ResponseResource.required))
    })
  },
)
