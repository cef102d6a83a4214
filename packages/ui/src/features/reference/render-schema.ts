/** Schemas as HTML: a type in one line, the fields of an object as a table. Named schemas are links. */
import { html, prose } from './html.ts'
import type { Html, HtmlPart } from './html.ts'
import { refName, resolveSchema } from './openapi-document.ts'
import type { OpenApiDocument, Schema } from './openapi-document.ts'

/** The type in a line: `string`, `array of Message`, `'a' | 'b'`, with its limits. */
export function renderType(schema: Schema): Html {
  if (schema.$ref !== undefined) {
    const name = refName(schema.$ref)
    return html`<a href="#schema-${name}">${name}</a>`
  }
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`
  if (schema.enum !== undefined) {
    return joined(
      schema.enum.map((value) => html`<code>${JSON.stringify(value)}</code>`),
      ' or ',
    )
  }
  const choices = schema.oneOf ?? schema.anyOf ?? schema.allOf
  if (choices !== undefined) return joined(choices.map(renderType), ' or ')
  if (schema.type === 'array')
    return html`array of ${schema.items === undefined ? 'anything' : renderType(schema.items)}${limits(schema)}`
  if (schema.type === undefined) return html`anything`
  const type = typeof schema.type === 'string' ? schema.type : schema.type.join(' or ')
  return html`${type}${limits(schema)}`
}

function joined(parts: readonly Html[], separator: string): Html {
  return html`${parts.map((part, index): HtmlPart => (index === 0 ? part : [separator, part]))}`
}

function limits(schema: Schema): string {
  const range = (from: number | undefined, to: number | undefined, unit: string): string => {
    if (from !== undefined && to !== undefined) return `, ${from} to ${to}${unit}`
    if (from !== undefined) return `, at least ${from}${unit}`
    return to === undefined ? '' : `, at most ${to}${unit}`
  }
  // zod writes the bounds of safe integers; they tell a reader nothing.
  const plain = (bound: number | undefined): number | undefined =>
    bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? undefined : bound
  return (
    range(plain(schema.minimum), plain(schema.maximum), '') +
    range(schema.minLength, schema.maxLength, ' characters') +
    range(schema.minItems, schema.maxItems, ' items')
  )
}

/** The fields of an object schema; for anything else its type. */
export function renderFields(document: OpenApiDocument, schema: Schema): Html {
  const whole = resolveSchema(document, schema)
  const fields = Object.entries(whole.properties ?? {})
  if (fields.length === 0) return html`<p class="type">${renderType(whole)}</p>`
  const required = new Set(whole.required)
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Type</th>
          <th scope="col">Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${fields.map(([name, field]) => renderRow(name, field, required.has(name)))}
      </tbody>
    </table>
  </div>`
}

/** One row of a table of fields or parameters. */
export function renderRow(name: string, field: Schema, required: boolean): Html {
  return html`<tr>
    <th scope="row"><code>${name}</code>${required && html` <span class="required">required</span>`}</th>
    <td>${renderType(field)}</td>
    <td>
      ${field.description !== undefined && prose(field.description)}
      ${field.default !== undefined && html`<p>Default: <code>${JSON.stringify(field.default)}</code></p>`}
    </td>
  </tr>`
}
