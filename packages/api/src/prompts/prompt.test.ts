import { describe, expect, it } from 'vitest'
import { CreatePromptRequest, Prompt, SetDefaultVersionRequest, UpdatePromptRequest } from './prompt.ts'
import { prompts } from './routes.ts'

describe('prompts', () => {
  it('are served with the verbs of both generations', () => {
    expect(Object.values(prompts).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/prompts',
      'POST /v1/prompts',
      'GET /v1/prompts/{prompt_id}',
      'PUT /v1/prompts/{prompt_id}',
      'POST /v1/prompts/{prompt_id}',
      'DELETE /v1/prompts/{prompt_id}',
      'GET /v1/prompts/{prompt_id}/versions',
      'PUT /v1/prompts/{prompt_id}/set-default-version',
      'POST /v1/prompts/{prompt_id}/set-default-version',
    ])
  })

  it.each<[boolean, { safeParse(value: unknown): { success: boolean } }, object]>([
    [true, CreatePromptRequest, { prompt: 'Hello {{name}}', variables: ['name'] }],
    [true, CreatePromptRequest, { prompt: 'Hello' }],
    [false, CreatePromptRequest, { variables: [] }],
    [true, UpdatePromptRequest, { prompt: 'Hi', version: 1 }],
    [false, UpdatePromptRequest, { prompt: 'Hi' }],
    [false, UpdatePromptRequest, { prompt: 'Hi', version: 0 }],
    [false, SetDefaultVersionRequest, { version: 1.5 }],
    [true, Prompt, { prompt_id: 'pmpt_1', prompt: 'x', variables: [], version: 1, is_default: true }],
    [false, Prompt, { prompt_id: 'pmpt_1', prompt: 'x', version: 1 }],
  ])('say %s to a value', (accepted, schema, value) => {
    expect(schema.safeParse(value).success).toBe(accepted)
  })
})
