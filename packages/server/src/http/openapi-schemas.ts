/** JSON Schemas of an OpenAPI document: named schemas become components, whatever route mentions them first. */
import * as z from 'zod'
import type { Json, JsonObject } from '@llama-stack/api'

/** Collects the named schemas of a document while its routes are described. */
export interface SchemaCollector {
  /** The JSON Schema of a zod schema; named ones (`.meta({ id })`) as references. */
  toSchema(schema: z.core.$ZodType, io: 'input' | 'output'): JsonObject
  components(): Readonly<Record<string, JsonObject>>
}

/** Creates an empty collector. */
export function createSchemaCollector(): SchemaCollector {
  const components: Record<string, JsonObject> = {}
  return {
    toSchema(schema, io) {
      // zod returns plain JSON beside a symbol-keyed handle to the schema; the round trip leaves the JSON.
      const whole = JSON.parse(
        JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' })),
      ) as JsonObject
      const { $schema: _dialect, $defs = {}, ...root } = whole
      const renamed = new Map<string, string>()
      // `$defs` maps names to schemas.
      const definitions = Object.entries($defs as Readonly<Record<string, JsonObject>>).map(([name, definition]) => {
        const { id: _id, ...body } = definition
        return [name, body] as const
      })
      for (const [name, body] of definitions)
        renamed.set(name, freeName(components, name, toComponent(body, new Map())))
      for (const [name, body] of definitions) components[renamed.get(name) ?? name] = toComponent(body, renamed)
      const { id, ...rest } = root
      // A named schema at the root comes inline: it becomes a component like the others.
      if (typeof id !== 'string') return toComponent(rest, renamed)
      const name = freeName(components, id, toComponent(rest, new Map()))
      components[name] = toComponent(rest, renamed)
      return { $ref: `#/components/schemas/${name}` }
    },
    components: () => Object.fromEntries(Object.entries(components).toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}

/** What is sent and what is answered may differ under one name (defaults): the second form gets a name of its own. */
function freeName(components: Readonly<Record<string, JsonObject>>, name: string, body: JsonObject): string {
  const known = components[name]
  return known === undefined || JSON.stringify(known) === JSON.stringify(body) ? name : `${name}Output`
}

function toComponent(schema: JsonObject, renamed: ReadonlyMap<string, string>): JsonObject {
  return rewrite(schema, renamed) as JsonObject // an object stays an object
}

function rewrite(value: Json, renamed: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) return value.map((item: Json) => rewrite(item, renamed))
  if (typeof value !== 'object' || value === null) return value
  const result: Record<string, Json> = {}
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref' && typeof item === 'string') {
      const name = item.replace('#/$defs/', '')
      result[key] = `#/components/schemas/${renamed.get(name) ?? name}`
    } else result[key] = rewrite(item, renamed)
  }
  return result
}
