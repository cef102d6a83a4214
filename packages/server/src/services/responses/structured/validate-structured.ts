/** Judges what a model wrote by the schema that it had to follow. */
import { findJson } from './found-json.ts'
import type { SchemaValidator } from './schema-validators.ts'

export type StructuredVerdict =
  /** `text` is the JSON of the value, without what was around it. */
  | { readonly ok: true; readonly value: unknown; readonly text: string }
  /** What to tell the model. */
  | { readonly ok: false; readonly errors: readonly string[]; readonly text: string }

/** Takes the first JSON in the text that follows the schema. */
export function validateStructured(validator: SchemaValidator, text: string): StructuredVerdict {
  let closest: StructuredVerdict | undefined
  for (const found of findJson(text)) {
    const errors = validator.faultsOf(found.value)
    if (errors.length === 0) return { ok: true, value: found.value, text: found.text }
    closest ??= { ok: false, errors, text: found.text }
  }
  return closest ?? { ok: false, errors: [toNoJson(text)], text }
}

function toNoJson(text: string): string {
  return text.trim() === '' ? 'the reply is empty' : 'the reply is not valid JSON'
}
