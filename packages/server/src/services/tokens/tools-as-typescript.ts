/**
 * Tools and schemas as OpenAI's models read them: vendors charge for the text that they make of a definition, not for its
 * JSON. The form is not documented; it is that of `openai/harmony`, and it was compared with recorded usage.
 */
import type { ChatTool } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'

type Schema = Readonly<Record<string, unknown>>

/** The functions of a request as one TypeScript namespace. */
export function toNamespace(tools: readonly ChatTool[]): string {
  const lines = ['namespace functions {', '']
  for (const { function: definition } of tools) {
    if (definition === undefined) continue
    const { name, description, parameters } = definition
    lines.push(...toComment(description))
    const members = toMembers(parameters ?? {}, '')
    if (members.length === 0) lines.push(`type ${name} = () => any;`)
    else lines.push(`type ${name} = (_: {`, ...members, '}) => any;')
    lines.push('')
  }
  lines.push('} // namespace functions')
  return lines.join('\n')
}

/** The section of the instructions that tells a schema to follow. */
export function toResponseFormats(name: string, schema: unknown): string {
  return `# Response Formats\n\n## ${name}\n\n${JSON.stringify(withoutDefaults(schema))}`
}

function toMembers(schema: Schema, indent: string): string[] {
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as unknown[]) : [])
  return Object.entries(asRecord(schema['properties'])).flatMap(([name, value]) => {
    const property = asRecord(value)
    const { title, description, default: preset } = property
    const lines = [
      ...(typeof title === 'string' ? [...toComment(title), '//'] : []),
      ...toComment(description),
      `${name}${required.has(name) ? '' : '?'}: ${toType(property, indent)},${preset === undefined ? '' : ` // default: ${JSON.stringify(preset)}`}`,
    ]
    return lines.map((line) => indent + line)
  })
}

function toComment(text: unknown): string[] {
  if (typeof text !== 'string' || text === '') return []
  return text.split('\n').map((line) => `// ${line}`.trimEnd())
}

function toType(schema: Schema, indent: string): string {
  const { type, enum: values, anyOf, oneOf } = schema
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(' | ')
  const choices = Array.isArray(anyOf) ? anyOf : oneOf
  if (Array.isArray(choices)) return choices.map((choice) => toType(asRecord(choice), indent)).join(' | ')
  if (Array.isArray(type)) return type.map((each) => toType({ ...schema, type: each }, indent)).join(' | ')
  if (type === 'array') return `${toType(asRecord(schema['items']), indent)}[]`
  if (type === 'object' && isRecord(schema['properties'])) {
    return ['{', ...toMembers(schema, `${indent}  `), `${indent}}`].join('\n')
  }
  if (type === 'integer') return 'number'
  return typeof type === 'string' ? type : 'any'
}

/** Strict schemas have them everywhere, and models are not told. */
function withoutDefaults(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutDefaults)
  if (!isRecord(schema)) return schema
  const kept = Object.entries(schema).filter(
    ([name, value]) => name !== 'additionalProperties' && !(name === 'required' && Array.isArray(value)),
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutDefaults(value)]))
}
