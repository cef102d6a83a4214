import { describe, expect, test } from 'vitest'
import { doors, withStack } from './stack-under-test.ts'
import type { UnderTest } from './stack-under-test.ts'

interface Prompt {
  readonly prompt_id: string
  readonly prompt: string
  readonly variables: string[]
  readonly version: number
  readonly is_default: boolean
}

/** The reply's status, and what it says; an error without its words. */
async function ask<Body>(
  under: UnderTest,
  route: string,
  body?: object,
): Promise<{ readonly status: number; readonly body: Body }> {
  const response = await under.call(route, body)
  const text = await response.text()
  // What the route declares.
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body }
}

async function refusal(under: UnderTest, route: string, body?: object): Promise<unknown[]> {
  const reply = await ask<{ error: { code: string; param: string; message: string } }>(under, route, body)
  return [reply.status, reply.body.error.code, reply.body.error.param]
}

describe.each(doors)('through the %s', (door) => {
  test('[R028, R029, R030, R032] a prompt is created, read, listed and deleted', async () => {
    await withStack({ door }, async (under) => {
      const text = { prompt: 'Hello {{ name }}', variables: ['name'] }
      const { status, body: created } = await ask<Prompt>(under, 'POST /v1/prompts', text)
      expect(status).toBe(200)
      expect(created).toEqual({ ...text, prompt_id: created.prompt_id, version: 1, is_default: true })
      expect(created.prompt_id).toMatch(/^pmpt_[0-9a-f]{48}$/)
      const path = `/v1/prompts/${created.prompt_id}`
      expect((await ask(under, `GET ${path}`)).body).toEqual(created)
      expect((await ask(under, `GET ${path}?version=1`)).body).toEqual(created)
      const { body: second } = await ask<Prompt>(under, 'POST /v1/prompts', { prompt: 'Bye' })
      expect((await ask(under, 'GET /v1/prompts')).body).toEqual({ data: [second, created] })
      expect(await ask(under, `DELETE ${path}`)).toEqual({ status: 204, body: undefined })
      expect(await refusal(under, `DELETE ${path}`)).toEqual([404, 'prompt_not_found', 'prompt_id'])
      expect(await refusal(under, `GET ${path}`)).toEqual([404, 'prompt_not_found', 'prompt_id'])
    })
  })

  test.each(['PUT', 'POST'])('[R031, R033, R034] versions follow each other by %s', async (verb) => {
    await withStack({ door }, async (under) => {
      const { body: created } = await ask<Prompt>(under, 'POST /v1/prompts', { prompt: 'V1' })
      const path = `/v1/prompts/${created.prompt_id}`
      const update = `${verb} ${path}`
      const second = { prompt: 'V2 {{ a }}', version: 1, variables: ['a'] }
      expect((await ask(under, update, second)).body).toMatchObject({ version: 2, is_default: true, variables: ['a'] })
      const third = { prompt: 'V3', version: 2, set_as_default: false }
      expect((await ask(under, update, third)).body).toMatchObject({ version: 3, is_default: false })
      expect(await refusal(under, update, { prompt: 'V4', version: 2 })).toEqual([
        409,
        'prompt_version_conflict',
        'version',
      ])
      expect((await ask(under, `GET ${path}`)).body).toMatchObject({ prompt: 'V2 {{ a }}' })
      const choose = `${verb} ${path}/set-default-version`
      expect((await ask(under, choose, { version: 1 })).body).toMatchObject({ prompt: 'V1', is_default: true })
      expect(await refusal(under, choose, { version: 4 })).toEqual([404, 'prompt_not_found', 'version'])
      const { body: versions } = await ask<{ data: Prompt[] }>(under, `GET ${path}/versions`)
      expect(versions.data.map(({ prompt, version, is_default }) => [prompt, version, is_default])).toEqual([
        ['V1', 1, true],
        ['V2 {{ a }}', 2, false],
        ['V3', 3, false],
      ])
      expect((await ask<{ data: Prompt[] }>(under, 'GET /v1/prompts')).body.data).toMatchObject([{ prompt: 'V1' }])
    })
  })

  test('variables in the text have to be declared', async () => {
    await withStack({ door }, async (under) => {
      const body = { prompt: 'Hello {{ name }} of {{place}}', variables: ['name'] }
      const reply = await ask<{ error: { message: string } }>(under, 'POST /v1/prompts', body)
      expect(reply.status).toBe(400)
      expect(reply.body.error.message).toContain("'place'")
      expect(await refusal(under, 'POST /v1/prompts', body)).toEqual([400, 'invalid_value', 'variables'])
      expect(await refusal(under, 'POST /v1/prompts', {})).toEqual([400, 'missing_field', 'prompt'])
    })
  })
})
