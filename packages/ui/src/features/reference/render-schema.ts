/** Schemas as HTML: a type in one line, the fields of an object as a list. Named schemas are links. */
import { html, prose } from './html.ts'
import type { Html, HtmlPart } from './html.ts'
import { refName, resolveSchema } from './openapi-document.ts'
import type { OpenApiDocument, Schema } from './openapi-document.ts'

/** The type in a line: `string`, `array of Message`, `"a" or "b"`, with its limits. */
export function renderType(schema: Schema): Html {
  const limits = limitsOf(schema)
  return html`${renderBareType(schema)}${limits.length > 0 && html`<span class="limits">, ${limits.join('; ')}</span>`}`
}

function renderBareType(schema: Schema): Html {
  if (schema.$ref !== undefined) return renderSchemaLink(schema.$ref)
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum !== undefined) return renderChoices(schema.enum.map((value) => ({ const: value })))
  const choices = choicesOf(schema)
  if (choices.length > 0) return renderChoices(choices)
  if (schema.type === 'array') {
    const { items = {} } = schema
    const inner = renderBareType(items)
    return choicesOf(items).length > 1 ? html`array of (${inner})` : html`array of ${inner}`
  }
  if (schema.type === 'object' && schema.properties === undefined) {
    const { additionalProperties: values } = schema
    if (typeof values === 'object' && Object.keys(values).length > 0) return html`map of ${renderBareType(values)}`
  }
  if (schema.type === undefined) return html`anything`
  return html`${typeof schema.type === 'string' ? schema.type : schema.type.join(' or ')}`
}

/** A link to a schema's own entry. */
export function renderSchemaLink(ref: string): Html {
  return html`<a href="#schema-${refName(ref)}">${refName(ref)}</a>`
}

/** Each alternative once: several kinds of object are one "object" here, and their fields follow below. */
function renderChoices(choices: readonly Schema[]): Html {
  const distinct = new Map(choices.map(renderBareType).map((type) => [type.html, type]))
  return html`${[...distinct.values()].map((type, index): HtmlPart => (index === 0 ? type : [' or ', type]))}`
}

function choicesOf(schema: Schema): readonly Schema[] {
  return schema.oneOf ?? schema.anyOf ?? schema.allOf ?? []
}

function limitsOf(schema: Schema): readonly string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema
  // zod writes the bounds of safe integers; they tell a reader nothing.
  const plain = (bound: number | undefined): number | undefined =>
    bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound
  return [
    rangeOf(plain(minimum), plain(maximum), ''),
    rangeOf(minLength, maxLength, 'character'),
    rangeOf(minItems, maxItems, 'item'),
    ...choicesOf(schema).flatMap(limitsOf),
  ].filter((limit) => limit !== undefined)
}

function rangeOf(from: number | undefined, to: number | undefined, unit: string): string | undefined {
  const count = (bound: number): string =>
    unit === '' ? String(bound).replace('-', '−') : `${bound} ${unit}${bound === 1 ? '' : 's'}`
  if (from === 1 && to === undefined && unit !== '') return 'not empty'
  if (from !== undefined && to !== undefined) return `${unit === '' ? count(from) : from} to ${count(to)}`
  if (from !== undefined) return `at least ${count(from)}`
  return to === undefined ? undefined : `at most ${count(to)}`
}

/** The fields of an object schema; for anything else its type, and the fields of the objects in it. */
export function renderFields(document: OpenApiDocument, schema: Schema): Html {
  const whole = resolveSchema(document, schema)
  const fields = Object.entries(whole.properties ?? {})
  if (fields.length === 0)
    return html`<p class="type">${renderType(whole)}</p>
      ${renderInlineObjects(document, whole)}`
  const required = new Set(whole.required)
  return renderFieldList(
    document,
    fields.map(([name, field]) => ({ name, schema: field, required: required.has(name) })),
  )
}

/** A field of an object, or a parameter of an operation. */
export interface Field {
  readonly name: string
  readonly schema: Schema
  readonly required: boolean
}

/** Fields or parameters: the name, and beside it type, meaning and what is inside. */
export function renderFieldList(document: OpenApiDocument, fields: readonly Field[]): Html {
  return html`<dl class="fields">
    ${fields.map(
      ({ name, schema, required }) =>
        html`<div>
          <dt><code>${name}</code>${required && html` <span class="required">required</span>`}</dt>
          <dd>
            <p class="type">
              ${renderType(schema)}${
                schema.default !== undefined &&
                html`<span class="limits">, default <code>${JSON.stringify(schema.default)}</code></span>`
              }
            </p>
            ${schema.description !== undefined && prose(schema.description)} ${renderInlineObjects(document, schema)}
          </dd>
        </div>`,
    )}
  </dl>`
}

/** Objects that have no name, and so no entry to link to: their fields, folded. */
function renderInlineObjects(document: OpenApiDocument, schema: Schema): Html {
  return html`${inlineObjects(schema).map((object) => {
    const fields = Object.entries(object.properties ?? {})
    const kind = fields.find(([, field]) => field.const !== undefined)
    const others = fields.filter((field) => field !== kind).map(([name]) => name)
    return html`<details>
      <summary>
        ${kind === undefined ? 'Fields' : html`<code>${kind[0]}</code> <code>${JSON.stringify(kind[1].const)}</code>`}
        <span class="limits">${others.join(', ')}</span>
      </summary>
      ${renderFields(document, object)}
    </details>`
  })}`
}

function inlineObjects(schema: Schema): readonly Schema[] {
  if (schema.$ref !== undefined) return []
  if (Object.keys(schema.properties ?? {}).length > 0) return [schema]
  const inside = [...choicesOf(schema), ...(schema.items === undefined ? [] : [schema.items])]
  return inside.flatMap(inlineObjects)
}
