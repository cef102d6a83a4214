import { describe, expect, it } from 'vitest'
import { responses, value } from '@llama-stack/api'
import { toOpenApi } from './openapi.ts'
import { createSampleApp, toSampleRoutes } from './sample-app.ts'

type Tree = { readonly [key: string]: Tree }

const document = toOpenApi(toSampleRoutes(), { title: 'Sample', version: '1.0.0' }) as unknown as Tree // JSON, walked by the tests
const at = (...keys: string[]): unknown => keys.reduce<Tree | undefined>((node, key) => node?.[key], document)

describe('the OpenAPI document', () => {
  it('describes each path of a route, aliases included', () => {
    expect(Object.keys(document['paths'] ?? {})).toEqual([
      '/v1/chat/completions',
      '/v1/openai/v1/chat/completions',
      '/v1/models',
      '/v1/models/{model_id}',
      '/v1/things/{id}',
      '/v1/traces/{trace_id}',
      '/v1/traces/{trace_id}/spans/{span_id}',
      '/v1/responses',
      '/v1/openai/v1/responses',
      '/v1/health',
    ])
    expect(at('paths', '/v1/openai/v1/chat/completions', 'post', 'x-alias-of')).toBe('/v1/chat/completions')
    const ids = Object.values(document['paths'] ?? {}).flatMap((item) =>
      Object.values(item).map((operation) => operation['operationId']),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('resolves every reference that it makes', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path)
    expect(references.length).toBeGreaterThan(20)
    expect(references.filter((path) => at(...path.split('/')) === undefined)).toEqual([])
    expect(JSON.stringify(document)).not.toContain('$defs')
  })

  it('tells what streams, and which errors carry which code', () => {
    const responses = at('paths', '/v1/chat/completions', 'post', 'responses') as Tree
    expect(responses['200']?.['content']?.['text/event-stream']?.['schema']).toMatchObject({
      $ref: '#/components/schemas/ChatCompletionChunk',
    })
    expect(responses['404']?.['x-error-codes']).toEqual(['model_not_found'])
    expect(Object.keys(responses)).toEqual(['200', '400', '401', '404', '413', '415', '500', '503'])
    expect(at('paths', '/v1/health', 'get', 'security')).toEqual([])
    expect(at('paths', '/v1/things/{id}', 'delete', 'responses', '204')).toEqual({ description: 'Success' })
  })

  it('gives what is received and what is answered names of their own where they differ', () => {
    expect(at('components', 'schemas', 'Thing', 'required')).toBeUndefined()
    expect(at('components', 'schemas', 'ThingOutput', 'required')).toEqual(['size'])
  })

  it('describes query parameters beside their schemas', () => {
    expect(at('paths', '/v1/models', 'get', 'parameters', '0')).toEqual({
      name: 'limit',
      in: 'query',
      required: false,
      schema: { type: 'integer', default: 20, maximum: 100, minimum: -9007199254740991 },
    })
  })

  it('says by what a stream is asked for, and how it ends', () => {
    const { createResponse, retrieveResponse } = responses
    const bound = Object.entries({ createResponse, retrieveResponse }).map(([name, route]) => ({
      name,
      route,
      tag: route.tag,
      operation: () => Promise.resolve(value(undefined)),
    }))
    const { paths } = toOpenApi(bound, { title: 'Responses', version: '1.0.0' }) as unknown as Tree
    const noteOf = (path: string, method: string): unknown =>
      paths?.[path]?.[method]?.['responses']?.['200']?.['content']?.['text/event-stream']?.['schema']?.['description']
    const ending = 'The `event:` line before it has its `type`. There is no `[DONE]`.'
    expect(noteOf('/v1/responses', 'post')).toBe(
      `The JSON of each \`data:\` line when the body says \`stream: true\`. ${ending}`,
    )
    expect(noteOf('/v1/responses/{response_id}', 'get')).toBe(
      `The JSON of each \`data:\` line when the query says \`stream: true\`. ${ending}`,
    )
  })

  it('is served, with a page that shows it', async () => {
    await using sample = createSampleApp()
    const served = await sample.app.fetch('/openapi.json')
    expect(await served.json()).toEqual(document)
    for (const path of ['/docs', '/reference', '/']) {
      const page = await sample.app.fetch(path)
      expect(page.status).toBe(200)
      expect(page.headers.get('content-type')).toMatch(/^text\/(html|plain); charset=utf-8$/)
      expect(page.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await page.text()).toMatch(/API reference/)
    }
  })
})
