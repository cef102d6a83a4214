/** Commands that show the models of a running server, against one that is scripted. */
import { expect, test } from 'vitest'
import { runCommand } from '../testing/run-command.ts'
import type { FinishedCommand } from '../testing/run-command.ts'
import { createScriptedUpstream } from '../testing/scripted-upstream.ts'

const run = (words: readonly string[]): Promise<FinishedCommand> =>
  runCommand(words, { home: '/nowhere', columns: 200 })

const facts = {
  context_length: 131_072,
  max_output_tokens: 8192,
  input_modalities: ['text', 'image'],
  tools: true,
  structured_output: true,
  reasoning: false,
  price: { currency: 'USD', input: 150_000, cached_input: 75_000, output: 600_000 },
}
const model = {
  id: 'one/m',
  custom_metadata: {
    model_type: 'llm',
    provider_id: 'one',
    provider_resource_id: 'm',
    ...facts,
    note: 'ours',
    fact_sources: {
      context_length: { from: 'provider' },
      price: { from: 'table', as_of: '2026-07-02' },
      tools: { from: 'probe', as_of: '2026-11-22' },
      reasoning: { from: 'configuration' },
    },
  },
  metadata: { context_length: 131_072, note: 'ours' },
}
const odd = {
  id: 'two/m',
  custom_metadata: { model_type: 'llm', provider_id: 'two', context_length: 'long', fact_sources: { tools: 7 } },
}
const probes = {
  tools: { supported: true, evidence: 'get_temperature' },
  vision: { supported: false, evidence: 'I\n see' },
}
const routes = {
  'GET /v1/models': { json: { object: 'list', data: [model, odd] } },
  'GET /v1/models/one/m': { json: model },
  'POST /v1alpha/admin/models/one/m/probe': { json: { model, probes } },
}

test('models shows how much they take, what they cost and what they can do', async () => {
  await using server = await createScriptedUpstream({ routes })
  const { code, stdout } = await run(['models', '--url', server.url])
  expect(code).toBe(0)
  const [, first, second] = stdout.split('\n')
  expect(first).toMatch(/^one\/m +llm +one +131,072 +0\.15 +0\.6 +tools, json, image$/)
  // What another server has under these names is no fact.
  expect(second).toMatch(/^two\/m +llm +two$/)
  const { stdout: json } = await run(['models', '--url', server.url, '--json'])
  expect(JSON.parse(json)).toMatchObject([
    { id: 'one/m', facts, sources: { tools: { from: 'probe' } } },
    { facts: {}, sources: {} },
  ])
})

test('models show says where each fact comes from', async () => {
  await using server = await createScriptedUpstream({ routes })
  const { code, stdout } = await run(['models', 'show', 'one/m', '--url', server.url])
  expect(code).toBe(0)
  expect(stdout.split('\n')).toEqual([
    'one/m',
    '  Type      llm',
    '  Provider  one (as m)',
    '  Context        131,072 tokens   (says its provider)',
    '  Longest reply  8,192 tokens',
    '  Reads          text, image',
    '  Tools          yes   (tried out, 2026-11-22)',
    '  JSON schema    yes',
    '  Reasoning      no   (configured)',
    '  Price          0.15 in, 0.075 cached, 0.6 out USD for a million tokens   (from the shipped table, 2026-07-02)',
    '  note  "ours"',
    '',
  ])
})

test('models probe shows what was tried', async () => {
  await using server = await createScriptedUpstream({ routes })
  const { code, stdout } = await run(['models', 'probe', 'one/m', '--url', server.url])
  expect(code).toBe(0)
  expect(stdout).toMatch(/tools +yes +get_temperature\nvision +no +I see/)
  const { stdout: json } = await run(['models', 'probe', 'one/m', '--url', server.url, '--json'])
  expect(JSON.parse(json)).toMatchObject({ model: { id: 'one/m' }, probes })
})
