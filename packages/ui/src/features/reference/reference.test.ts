import { describe, expect, it } from 'vitest'
import { curlCommand, exampleOf } from './example-request.ts'
import { html, prose } from './html.ts'
import { toOperations } from './openapi-document.ts'
import type { OpenApiDocument, Operation } from './openapi-document.ts'
import { renderNavigation, renderOperations, renderSchemas } from './render-reference.ts'
import { renderType } from './render-schema.ts'
import { searchOperations } from './search-operations.ts'

const document: OpenApiDocument = {
  info: { title: 'Sample', version: '1' },
  paths: {
    '/v1/chat/completions': {
      post: {
        operationId: 'Inference.chat',
        tags: ['Inference'],
        summary: 'Creates a <b>chat</b> completion.',
        parameters: [{ $ref: '#/components/parameters/Data' }],
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Chat' } } } },
        responses: {
          '200': {
            description: 'Success',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Chat' } } },
          },
          '404': { description: '`model_not_found`' },
        },
      },
    },
    '/v1/openai/v1/chat/completions': { post: { tags: ['Inference'], 'x-alias-of': '/v1/chat/completions' } },
    '/v1/models/{model_id}': {
      get: {
        tags: ['Models'],
        summary: 'Gets a model.',
        security: [],
        parameters: [
          {
            name: 'model_id',
            in: 'path',
            required: true,
            description: 'May contain slashes.',
            schema: { type: 'string' },
          },
          { name: 'verbose', in: 'query', required: true, schema: { type: 'boolean' } },
        ],
      },
    },
  },
  components: {
    parameters: { Data: { name: 'X-Data', in: 'header', schema: { type: 'string' } } },
    schemas: {
      Chat: {
        type: 'object',
        required: ['model', 'messages'],
        properties: {
          model: { type: 'string' },
          messages: { type: 'array', items: { $ref: '#/components/schemas/Message' }, minItems: 1 },
          temperature: { anyOf: [{ type: 'number', minimum: 0, maximum: 2 }, { type: 'null' }] },
          next: { $ref: '#/components/schemas/Chat' },
        },
      },
      Message: {
        oneOf: [
          { type: 'object', required: ['role'], properties: { role: { const: 'system' } } },
          {
            type: 'object',
            required: ['role', 'content'],
            properties: { role: { const: 'user' }, content: { anyOf: [{ type: 'array' }, { type: 'string' }] } },
          },
        ],
      },
    },
  },
}
const operations = toOperations(document)
const [chat, model] = operations as unknown as [Operation, Operation] // checked by the first test

function typeOf(schema: object): string {
  return renderType(schema).html
}

describe('the API reference', () => {
  it('lists each operation once, without its aliases', () => {
    expect(operations.map(({ id, method }) => [id, method])).toEqual([
      ['post-v1-chat-completions', 'POST'],
      ['get-v1-models-model-id', 'GET'],
    ])
  })

  it('finds operations that hold every word', () => {
    expect(searchOperations(operations, 'POST  chat')).toEqual([chat])
    expect(searchOperations(operations, 'models chat')).toEqual([])
    expect(searchOperations(operations, ' ')).toHaveLength(2)
  })

  it('writes an example that the schema accepts', () => {
    expect(exampleOf(document, { $ref: '#/components/schemas/Chat' })).toEqual({
      model: 'auto',
      messages: [{ role: 'user', content: 'Hello!' }],
    })
  })

  it('stops at schemas that contain themselves', () => {
    const recursive = {
      type: 'object',
      required: ['next'],
      properties: { next: { $ref: '#/components/schemas/Loop' } },
    }
    const loop: OpenApiDocument = { ...document, components: { schemas: { Loop: recursive } } }
    expect(JSON.stringify(exampleOf(loop, recursive)).length).toBeLessThan(200)
  })

  it('writes curl commands for the shell', () => {
    expect(curlCommand(document, model, 'http://localhost:8321')).toBe(
      "curl 'http://localhost:8321/v1/models/MODEL_ID?verbose=true'",
    )
    const command = curlCommand(document, chat, 'http://localhost:8321')
    expect(command).toContain("curl 'http://localhost:8321/v1/chat/completions'")
    expect(command).toContain('-H "Authorization: Bearer $LLAMA_STACK_API_KEY"')
    expect(command).toContain(`"content": "Hello!"`)
  })

  it('escapes everything that the document says', () => {
    const page = renderOperations(document, operations, 'http://x').html
    expect(page).toContain('Creates a &lt;b&gt;chat&lt;/b&gt; completion.')
    expect(page).not.toContain('<b>')
    expect(html`<a title="${'"><script>'}">${['a', html`<i>${'&'}</i>`, undefined, false]}</a>`.html).toBe(
      '<a title="&quot;&gt;&lt;script&gt;">a<i>&amp;</i></a>',
    )
    expect(prose('one `<two>`\n\nthree').html).toBe('<p>one <code>&lt;two&gt;</code></p><p>three</p>')
  })

  it('links every operation and every schema that it names', () => {
    const page = [
      renderNavigation(operations),
      renderOperations(document, operations, 'http://x'),
      renderSchemas(document),
    ]
      .map((part) => part.html)
      .join('')
    const targets = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
    const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id)
    expect(links.length).toBeGreaterThan(5)
    expect(links.filter((link) => !targets.has(link))).toEqual([])
  })

  it('folds out the objects that have no name', () => {
    const page = renderSchemas(document).html.replaceAll(/\s+/g, ' ')
    expect(page).toContain('<code>role</code> <code>&quot;user&quot;</code> <span class="limits">content</span>')
  })

  it('tells the limits of a type', () => {
    const limited = (type: string, limits: string): string => `${type}<span class="limits">, ${limits}</span>`
    expect(typeOf({ anyOf: [{ type: 'number', minimum: -2, maximum: 2 }, { type: 'null' }] })).toBe(
      limited('number or null', '−2 to 2'),
    )
    expect(typeOf({ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER })).toBe(
      limited('integer', 'at least 1'),
    )
    expect(typeOf({ type: 'string', minLength: 1 })).toBe(limited('string', 'not empty'))
    expect(typeOf({ type: 'string', maxLength: 1 })).toBe(limited('string', 'at most 1 character'))
    expect(typeOf({ type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 4 })).toBe(
      limited('array of string', '2 to 4 items'),
    )
  })

  it('names what arrays, maps and alternatives hold', () => {
    const object = { type: 'object', properties: { type: { const: 'a' } } }
    expect(typeOf({ type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } })).toBe(
      'array of (string or null)',
    )
    expect(typeOf({ type: 'object', additionalProperties: { type: 'string' } })).toBe('map of string')
    expect(typeOf({ oneOf: [object, object] })).toBe('object')
    expect(typeOf({ enum: ['a', 'b'] })).toBe('<code>&quot;a&quot;</code> or <code>&quot;b&quot;</code>')
  })
})
