/** What upstream's tests ask for in ways of their own: conversations, prompts, guardrails, and what a client repeats. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { haveRecordings, readRecordings, recordingsDirectory } from './recorded-responses.ts'
import { doors, withStack } from './stack-under-test.ts'

if (!haveRecordings) console.warn('SKIPPED: ../shared/recordings is absent, so upstream’s flows are not replayed')

type Json = Record<string, unknown>

/** A client of one test: a call gives the reply's object. */
interface Client {
  readonly post: (path: string, body?: Json) => Promise<Json & { readonly id: string }>
  /** Asks for a response to one message of the user. */
  readonly say: (text: string, more?: Json) => Promise<Json & { readonly id: string }>
}

const text = (value: string) => ({ type: 'input_text', text: value })
const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'Get the weather in a given city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', description: 'The city to get the weather for' } },
  },
}
const guarded = { guardrails: ['llama-guard'] }

/** A part of a test's id, and what its client does. */
const flows: readonly (readonly [string, (client: Client) => Promise<unknown>])[] = [
  [
    'test_conversation_multi_turn_and_streaming',
    async ({ post, say }) => {
      const { id: conversation } = await post('conversations')
      await say('Say hello', { conversation })
      await say('Say goodbye', { conversation })
    },
  ],
  [
    'test_conversation_context_loading',
    async ({ post, say }) => {
      const { id: conversation } = await post('conversations', {
        items: [
          { type: 'message', role: 'user', content: 'My name is Alice. I like to eat apples.' },
          { type: 'message', role: 'assistant', content: 'Hello Alice!' },
        ],
      })
      await say('What do I like to eat?', { conversation })
    },
  ],
  [
    'test_response_with_instructions',
    async ({ say }) => {
      const question = 'What is the capital of France?'
      await say(question)
      const { id } = await say(question, { instructions: 'You are a helpful assistant.' })
      const instructions = 'You are a helpful assistant and speak in pirate language.'
      await say(question, { instructions, previous_response_id: id })
    },
  ],
  [
    'test_prompt_template_with_multi_turn',
    async ({ post, say }) => {
      const prompt = await post('prompts', { prompt: 'You are a {{ specialty }} tutor.', variables: ['specialty'] })
      const variables = { specialty: text('mathematics') }
      const { id } = await say('What is your specialty?', { prompt: { id: prompt['prompt_id'], variables } })
      await say('Can you help me with algebra?', { previous_response_id: id })
    },
  ],
  [
    'test_basic_prompt_template',
    async ({ post, say }) => {
      const prompt = await post('prompts', { prompt: 'You are a {{ role }} assistant.', variables: ['role'] })
      await say('What is your role?', { prompt: { id: prompt['prompt_id'], variables: { role: text('helpful') } } })
    },
  ],
  ['test_input_safety_guardrails', ({ say }) => say('How can I hurt someone?', guarded)],
  ['test_output_safety_guardrails_unsafe_content', ({ say }) => say('Describe violent content', guarded)],
  ['test_output_safety_guardrails_safe_content', ({ say }) => say("What's your name?", guarded)],
  [
    'test_guardrails_with_tools',
    ({ say }) =>
      say("What's the weather like? Please help me in a safe and appropriate way.", { ...guarded, tools: [weather] }),
  ],
]

const config = {
  providers: [
    { api: 'inference', id: 'openai', type: 'remote::openai', config: { api_key: 'dummy' } },
    { api: 'inference', id: 'ollama', type: 'remote::ollama', config: { url: 'http://0.0.0.0:11434/v1' } },
    { api: 'safety', id: 'llama-guard', type: 'inline::llama-guard', config: { excluded_categories: [] } },
  ],
  resources: {
    shields: [{ shield_id: 'llama-guard', provider_id: 'llama-guard', provider_shield_id: 'ollama/llama-guard3:1b' }],
  },
}

const chats = [...readRecordings('responses').chats, ...readRecordings('agents').chats]

describe.skipIf(!haveRecordings)('flows of upstream’s tests (skipped where its recordings are absent)', () => {
  describe.each(doors)('through the %s', (door) => {
    test.each(flows)('%s hits all its recordings', async (name, flow) => {
      const directory = mkdtempSync(join(tmpdir(), 'flows-'))
      const lookupLog = join(directory, 'lookups.jsonl')
      const own = chats.filter(({ testId }) => testId?.includes(`${name}[`))
      const more = { recordings: { mode: 'replay' as const, directory: recordingsDirectory, lookupLog } }
      await withStack({ door, config, more }, async ({ call }) => {
        for (const testId of new Set(own.map((chat) => chat.testId))) {
          // Where the input is refused, the model is never asked.
          const model = own.find(({ body }) => body['stream'] === true)?.body.model ?? 'llama3.2:3b-instruct-fp16'
          const headers = { 'x-ogx-provider-data': JSON.stringify({ __test_id: testId }) }
          const post: Client['post'] = async (path, body = {}) => {
            const response = await call(`POST /v1/${path}`, body, headers)
            const reply = (await response.json()) as Json & { id: string }
            expect([response.status, reply]).toEqual([200, expect.anything()])
            return reply
          }
          const provider = model.startsWith('gpt-4') ? 'openai' : 'ollama'
          const say: Client['say'] = (content, rest = {}) =>
            post('responses', { model: `${provider}/${model}`, input: [{ role: 'user', content }], ...rest })
          await flow({ post, say })
        }
      })
      const lines = readFileSync(lookupLog, 'utf8').trim().split('\n')
      rmSync(directory, { recursive: true, force: true })
      const hits = new Set(
        lines.flatMap((line) => (JSON.parse(line) as { files: string[] }).files.map((file) => basename(file, '.json'))),
      )
      expect(own.length).toBeGreaterThan(0)
      expect(own.filter((chat) => !hits.has(chat.name)).map((chat) => chat.name)).toEqual([])
    })
  })
})
