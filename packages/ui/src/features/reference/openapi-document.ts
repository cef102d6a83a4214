/** The parts of an OpenAPI document that the reference shows, and the operations in it. */

/** A JSON Schema, as far as the reference looks into it. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

export interface Parameter {
  readonly $ref?: string
  readonly name?: string
  readonly in?: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>

export interface DocumentOperation {
  readonly operationId?: string
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  readonly deprecated?: boolean
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content?: Content }
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>
  readonly security?: readonly unknown[]
  readonly 'x-stability'?: string
  readonly 'x-alias-of'?: string
}

export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentOperation>>>>
  readonly components?: {
    readonly schemas?: Readonly<Record<string, Schema>>
    readonly parameters?: Readonly<Record<string, Parameter>>
  }
}

/** One operation, ready to be shown. */
export interface Operation extends DocumentOperation {
  /** Unique, and usable as a fragment of the page's address. */
  readonly id: string
  readonly method: string
  readonly path: string
  readonly tag: string
}

/** The operations in the order of the document, without those that only repeat another under an alias. */
export function toOperations(document: OpenApiDocument): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation['x-alias-of'] === undefined)
      .map(([method, operation]) => ({
        ...operation,
        id: `${method}-${path}`.replaceAll(/[^a-z0-9]+/gi, '-').replaceAll(/^-|-$/g, ''),
        method: method.toUpperCase(),
        path,
        tag: operation.tags?.[0] ?? 'Other',
      })),
  )
}

/** The name of a referenced component. */
export function refName(ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}

/** Follows references until there is none. */
export function resolveSchema(document: OpenApiDocument, schema: Schema): Schema {
  const target = schema.$ref === undefined ? undefined : document.components?.schemas?.[refName(schema.$ref)]
  return target === undefined ? schema : resolveSchema(document, target)
}

/** The same for a parameter. */
export function resolveParameter(document: OpenApiDocument, parameter: Parameter): Parameter {
  return parameter.$ref === undefined
    ? parameter
    : (document.components?.parameters?.[refName(parameter.$ref)] ?? parameter)
}

/** The schema of a JSON request body. */
export function bodySchema(operation: DocumentOperation): Schema | undefined {
  return operation.requestBody?.content?.['application/json']?.schema
}
