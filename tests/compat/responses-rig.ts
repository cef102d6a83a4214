/** A whole stack over a model that answers by rules, for tests of clients of the Responses API. */
import OpenAI from 'openai'
import OpenAI6 from 'openai6'
import { withStack } from '../scenarios/stack-under-test.ts'
import type { Door, UnderTest, UnderTestOptions } from '../scenarios/stack-under-test.ts'
import { answerByRules, toChat } from './rule-model.ts'
import type { AskedChat } from './rule-model.ts'

/** As clients name the model of the rules. */
export const MODEL = 'vendor/m1'

export interface ResponsesUnderTest extends UnderTest {
  /** The chats that the model was asked for, oldest first. */
  readonly chats: () => readonly AskedChat[]
}

/** Runs a scenario against the model of the rules. */
export function withResponses(
  options: UnderTestOptions,
  scenario: (under: ResponsesUnderTest) => Promise<void>,
): Promise<void> {
  const routes = { 'POST /v1/chat/completions': answerByRules, ...options.routes }
  return withStack({ ...options, routes }, (under) => {
    const chats = (): AskedChat[] =>
      under.upstream.requests.filter(({ path }) => path === '/v1/chat/completions').map((request) => toChat(request))
    return scenario({ ...under, chats })
  })
}

/** Makes the client of a stack. */
export function toOpenAi({ url, fetch }: UnderTest): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 })
}

/** Both majors of OpenAI's client; the members that tests call are in both. */
export const openAiClients = [
  ['openai 7', toOpenAi],
  [
    'openai 6',
    ({ url, fetch }: UnderTest) =>
      new OpenAI6({ baseURL: `${url}/v1`, apiKey: 'none', fetch, maxRetries: 0 }) as unknown as OpenAI,
  ],
] as const

/** A stack with a search engine, at the scripted vendor's address, that always finds one page. */
export const searching = (door: Door): UnderTestOptions => ({
  door,
  routes: {
    'POST /search': {
      json: { results: [{ title: 'Llamas', url: 'https://llamas.example/a', content: 'They hum.', score: 1 }] },
    },
  },
  configOf: ({ url }) => ({
    providers: [
      { api: 'inference', id: 'vendor', type: 'remote::openai', config: { base_url: `${url}/v1`, api_key: 'sk-test' } },
      { api: 'tool_runtime', id: 'search', type: 'remote::tavily-search', config: { api_key: 'k', base_url: url } },
    ],
  }),
})
