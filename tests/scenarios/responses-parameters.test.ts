/** What becomes of parameters, as the table has it that the documentation is made of. */
import { expect, test } from 'vitest'
import { responseParameters } from '../../packages/server/src/services/responses/request/parameter-table.ts'
import { readEvents, withResponses } from './responses-scene.ts'
import { says } from './scripted-model.ts'

/** Values that no default has. */
const forwarded: Readonly<Record<string, unknown>> = {
  frequency_penalty: 0.5,
  presence_penalty: 0.25,
  prompt_cache_key: 'k',
  prompt_cache_retention: '24h',
  safety_identifier: 'somebody',
  service_tier: 'flex',
  temperature: 0.75,
  top_logprobs: 2,
  top_p: 0.5,
  user: 'me',
}

test('what is forwarded reaches the provider, and the response shows it', async () => {
  const rows = Object.entries(responseParameters).filter(([, { state }]) => state === 'forwarded')
  expect(Object.keys(forwarded)).toEqual(rows.map(([name]) => name))
  await withResponses({}, async (scene) => {
    scene.model.answers('Hi', says('Hello.'))
    expect(await scene.ask({ input: 'Hi', ...forwarded, top_k: 5 })).toMatchObject(forwarded)
    expect(scene.model.asked[0]).toMatchObject({ ...forwarded, logprobs: true, top_k: 5 })
  })
})

test('deltas are padded where a request wants that', async () => {
  await withResponses({}, async (scene) => {
    scene.model.answers('Hi', says('Hello.'))
    const padded = await scene.stream({ input: 'Hi', stream_options: { include_obfuscation: true } })
    const deltas = padded.events.filter(({ type }) => type.endsWith('.delta'))
    expect(deltas).toMatchObject([{ delta: 'Hello.', obfuscation: 'xxxxxxxxxx' }])
    expect((await scene.replay(padded.response.id)).join('\n')).toBe(padded.texts.join('\n'))
    const plain = await scene.stream({ input: 'Hi' })
    expect(plain.texts.join('\n')).not.toContain('obfuscation')
    const whole = await scene.ask({ input: 'Hi' })
    for (const { id } of [padded.response, plain.response, whole]) {
      const replay = async (isPadded: boolean): Promise<string> => {
        const query = `stream=true&starting_after=1&include_obfuscation=${isPadded}`
        return (await readEvents(await scene.call(`GET /v1/responses/${id}?${query}`))).join('\n')
      }
      expect(await replay(true)).toMatch(/"delta":"Hello\.".*"obfuscation":"xxxxxxxxxx"\}/)
      expect(await replay(false)).toContain('"delta":"Hello."')
      expect(await replay(false)).not.toContain('obfuscation')
    }
  })
})
