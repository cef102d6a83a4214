/** What goes wrong before a response, in the midst of it, and what is kept of it. */
import { describe, expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import { calls, says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const vendorError = (message: string, code: string | null = null) => ({
  error: { message, type: 'vendor_error', param: null, code },
})

/** A vendor that fails so that the server tries no more than once more. */
const quick = { reliability: { retries: 0, breaker: { failures: 1000, minCalls: 1000 } } }

const refusals = [
  { status: 401, told: { status: 401, code: 'provider_authentication' } },
  { status: 429, told: { status: 429, code: 'provider_rate_limited' } },
  { status: 500, told: { status: 500, code: 'provider_internal' } },
  { status: 400, told: { status: 400, code: 'provider_invalid_request' } },
]

const lookup = { type: 'function', name: 'lookup', parameters: { type: 'object', properties: {} } }

describe.each(doors)('through the %s', (door) => {
  test.each(refusals)('[B092] a vendor’s $status before the first word is the status of the reply', async (row) => {
    await withResponses({ door, config: quick }, async (scene) => {
      scene.model.answers('Hi', { status: row.status, json: vendorError('No.') })
      for (const stream of [false, true]) {
        const { message, ...told } = await scene.refusal({ input: 'Hi', stream })
        expect(told).toMatchObject({ ...row.told, param: null })
        expect(message).toContain('No.')
      }
      const list = await (await scene.call('GET /v1/responses')).json()
      expect(list).toMatchObject({ data: [] })
    })
  })

  test('[B092] a model that nobody has is not found, whether or not it streams', async () => {
    await withResponses({ door }, async (scene) => {
      for (const stream of [false, true]) {
        const reply = await scene.call('POST /v1/responses', { model: 'nobody/none', input: 'Hi', stream })
        expect([reply.status, await reply.json()]).toMatchObject([404, { error: { code: 'model_not_found' } }])
      }
    })
  })

  test('[B092] metadata has at most sixteen pairs, whether or not it streams', async () => {
    await withResponses({ door }, async (scene) => {
      const metadata = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'v']))
      for (const stream of [false, true]) {
        expect(await scene.refusal({ input: 'Hi', metadata, stream })).toMatchObject({ status: 400, param: 'metadata' })
      }
    })
  })

  test.each([
    { how: 'an error in its stream', end: { error: vendorError('The GPU is on fire.') }, code: 'server_error' },
    { how: 'a cut connection', end: { isCut: true }, code: 'server_error' },
    { how: 'no reason why it ended', end: { finish: null }, code: 'server_error' },
    {
      how: 'a limit in its stream',
      end: { error: { error: { message: 'Slow down.', type: 'rate_limit_error', code: 429, param: null } } },
      code: 'rate_limit_exceeded',
    },
  ])('[B092] $how fails a response that has begun; what was said is kept', async ({ end, code }) => {
    await withResponses({ door, config: quick }, async (scene) => {
      scene.model.answers('Hi', streams([{ delta: { content: 'Once upon' } }, { delta: { content: ' a time' } }], end))
      const { response, texts, events } = await scene.stream({ input: 'Hi' })
      expect(response).toMatchObject({
        status: 'failed',
        completed_at: null,
        error: { code },
        output: [{ type: 'message', status: 'incomplete', content: [{ text: 'Once upon a time' }] }],
      })
      expect(events.at(-1)?.type).toBe('response.failed')
      expect(await scene.fetchResponse(response.id)).toEqual(response)
      expect(await scene.replay(response.id)).toEqual(texts)
    })
  })

  test.each([
    { how: 'an error in its place', end: { error: vendorError('The GPU is on fire.') } },
    { how: 'a cut connection', end: { isCut: true } },
  ])('[B092] $how is the reply’s own error where nobody was told of the answer; nothing is kept', async ({ end }) => {
    await withResponses({ door, config: quick }, async (scene) => {
      scene.model.answers('Hi', streams([{ delta: { content: 'Once upon' } }], end))
      const { status } = await scene.refusal({ input: 'Hi' })
      expect(status).toBeGreaterThanOrEqual(500)
      expect(await (await scene.call('GET /v1/responses')).json()).toMatchObject({ data: [] })
    })
  })

  test.each([
    { status: 401, code: 'server_error' },
    { status: 429, code: 'rate_limit_exceeded' },
    { status: 500, code: 'server_error' },
    { status: 400, code: 'invalid_prompt' },
  ])('[B092] a vendor’s $status after the first turn fails the response with $code', async ({ status, code }) => {
    await withResponses({ door, config: quick }, async (scene) => {
      scene.model.answers('Hi', calls({ name: 'nobody' }), { status, json: vendorError('Not again.') })
      const { response } = await scene.stream({ input: 'Hi', tools: [lookup] })
      expect(response).toMatchObject({
        status: 'failed',
        error: { code, message: expect.stringContaining('Not again.') },
      })
      expect(await scene.fetchResponse(response.id)).toEqual(response)
      expect(await scene.ask({ input: 'Hi', tools: [lookup] })).toMatchObject({ status: 'failed', error: { code } })
    })
  })

  test('[B092] a failed response can be continued from what was said', async () => {
    await withResponses({ door, config: quick }, async (scene) => {
      scene.model.answers('Hi', streams([{ delta: { content: 'Once' } }], { isCut: true }))
      const { response: failed } = await scene.stream({ input: 'Hi' })
      scene.model.answers('Again', says('Once more.'))
      const next = await scene.ask({ input: 'Again', previous_response_id: failed.id })
      expect(next).toMatchObject({ status: 'completed', previous_response_id: failed.id })
      expect(scene.model.asked.at(-1)?.messages.map(({ role }) => role)).not.toContain('tool')
    })
  })

  test.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ])('[B092] an answer that ended because of %s is incomplete, and its calls are not made', async (finish, reason) => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers(
        'Hi',
        streams(
          [
            { delta: { content: 'Well' } },
            { delta: { tool_calls: [{ index: 0, id: 'c1', function: { name: 'lookup', arguments: '{"q' } }] } },
          ],
          { finish },
        ),
      )
      const { response, events } = await scene.stream({ input: 'Hi', tools: [lookup] })
      expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason }, error: null })
      expect(events.at(-1)?.type).toBe('response.incomplete')
      expect(response.output.map((item) => [item.type, item['status']])).toEqual([
        ['message', expect.stringMatching(/^(in)?complete/)],
        ['function_call', 'incomplete'],
      ])
      scene.model.answers('Go on', says('Fine.'))
      await scene.ask({ input: 'Go on', previous_response_id: response.id })
      // A call that nobody answers would be refused by the vendor.
      expect(JSON.stringify(scene.model.asked.at(-1)?.messages)).not.toContain('tool_calls')
    })
  })

  test('an empty answer is a completed response with nothing in it', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', streams([]))
      const { response } = await scene.stream({ input: 'Hi' })
      expect(response).toMatchObject({ status: 'completed', output: [] })
      expect(await scene.ask({ input: 'Hi' })).toMatchObject({ status: 'completed', output: [] })
    })
  })
})
