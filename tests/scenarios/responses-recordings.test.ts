import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import { toAssistantMessage } from '../../packages/server/src/services/responses/chat/assistant-turn.ts'
import type { ChatHistory } from '../../packages/server/src/services/responses/chat/chat-history.ts'
import { replayClient, toMcpTools, toVectorSearch } from './recorded-client.ts'
import type { Ask } from './recorded-client.ts'
import {
  followersOf,
  haveRecordings,
  isSame,
  nameOf,
  readRecordings,
  readTurn,
  reasonOf,
  rebuild,
  recordingsDirectory,
  toHistory,
} from './recorded-responses.ts'
import type { RecordedChat } from './recorded-responses.ts'
import { doors, withStack } from './stack-under-test.ts'
import type { UnderTest } from './stack-under-test.ts'

if (!haveRecordings) console.warn('SKIPPED: ../shared/recordings is absent, so upstream’s responses are not replayed')

const counted = (list: readonly string[]) =>
  Object.fromEntries([...new Set(list)].map((entry) => [entry, list.filter((other) => other === entry).length]))

const REWRITTEN = 'rewritten after it was recorded'

describe.skipIf(!haveRecordings)('upstream’s recordings of responses (skipped where they are absent)', () => {
  describe.each([
    ['responses', { hit: 238, 'older name of file_search': 26, [REWRITTEN]: 2 }],
    ['agents', { hit: 16, 'a guard’s call': 15 }],
  ])('in %s', (folder, expected) => {
    const { chats } = readRecordings(folder)

    test('are hit by the bodies that our translation makes', () => {
      const outcomes = chats.map((chat) => {
        const body = rebuild(chat, toHistory(chat.body.messages).messages)
        return reasonOf(chat) ?? (nameOf(body, chat) === chat.name ? 'hit' : chat.name)
      })
      expect(counted(outcomes)).toEqual(expected)
    })
  })

  test('lead from one to the next when their replies are read as turns', async () => {
    const { chats } = readRecordings('responses')
    const outcomes: string[] = []
    for (const chat of chats.filter((each) => reasonOf(each) === undefined)) {
      const turn = toAssistantMessage(await readTurn(chat))
      const history = toHistory(chat.body.messages).append([turn])
      for (const next of followersOf(chat, chats)) {
        // Asked again, the model gave another answer: it led to other calls.
        if (isSame(next.body.messages[chat.body.messages.length], turn)) outcomes.push(follow(history, next))
        else outcomes.push('another answer')
      }
    }
    expect(counted(outcomes)).toEqual({ hit: 93, 'another answer': 5, [REWRITTEN]: 2 })
  })
})

/** Whether a history goes on to be a recorded call. */
function follow(history: ChatHistory, next: RecordedChat): string {
  const { messages } = toHistory(next.body.messages.slice(history.messages.length), history)
  return reasonOf(next) ?? (nameOf(rebuild(next, messages), next) === next.name ? 'hit' : next.name)
}

describe.skipIf(!haveRecordings)(
  'upstream’s clients, worked out from its recordings (skipped where they are absent)',
  () => {
    describe.each(doors)('through the %s', (door) => {
      test.each([
        [
          'responses',
          {
            hit: 242,
            // There are no stores that anything is embedded for.
            '/v1/embeddings': 43,
            // Asked before a chat, once, by a server that does not know whether Ollama runs.
            '/api/ps': 1,
            'older name of file_search': 26,
            [REWRITTEN]: 2,
          },
        ],
        ['agents', { hit: 16, 'a guard’s call': 15 }],
      ])('hit the recordings of %s', async (folder, expected) => {
        const { chats, others } = readRecordings(folder)
        const reachable = chats.filter((chat) => reasonOf(chat) === undefined)
        const { hits, failures } = await replayAll(reachable, door)
        // What they go on with cannot be found any more.
        const broken = chats.filter((chat) => reasonOf(chat) === REWRITTEN).map(({ testId }) => String(testId))
        expect(failures.filter((failure) => !broken.some((testId) => failure.startsWith(testId)))).toEqual([])
        const outcomes = [
          ...chats.map((chat) => reasonOf(chat) ?? (hits.has(chat.name) ? 'hit' : chat.name)),
          ...others.map(({ name, about }) => (hits.has(name) ? 'hit' : about)),
        ]
        expect(counted(outcomes)).toEqual(expected)
      })
    })
  },
)

interface Replayed {
  /** The names of the recordings that answered. */
  readonly hits: ReadonlySet<string>
  readonly failures: readonly string[]
}

async function replayAll(chats: readonly RecordedChat[], door: (typeof doors)[number]): Promise<Replayed> {
  const directory = mkdtempSync(join(tmpdir(), 'replay-'))
  const lookupLog = join(directory, 'lookups.jsonl')
  const failures: string[] = []
  try {
    const recordings = { mode: 'replay' as const, directory: recordingsDirectory, lookupLog }
    const more = { recordings, vectorSearch: toVectorSearch(chats) }
    await withStack({ door, config, more }, async (under) => {
      for (const testId of new Set(chats.map((chat) => chat.testId))) {
        const own = chats.filter((chat) => chat.testId === testId)
        await using mcp = await startMcpServer({ era: 'both', tools: toMcpTools(own) })
        await replayClient(own, toAsk(under, failures), { model: modelOf, mcpUrl: mcp.url })
      }
    })
    const lines = readFileSync(lookupLog, 'utf8').trim().split('\n')
    // As our own log writes them.
    const lookups = lines.map((line) => JSON.parse(line) as { outcome: string; files: string[] })
    return { hits: new Set(lookups.flatMap(({ files }) => files.map((file) => basename(file, '.json')))), failures }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const config = {
  server: { allowPrivateUrls: true },
  providers: [
    { api: 'inference', id: 'openai', type: 'remote::openai', config: { api_key: 'dummy' } },
    { api: 'inference', id: 'ollama', type: 'remote::ollama', config: { url: 'http://0.0.0.0:11434/v1' } },
    { api: 'tool_runtime', id: 'tavily-search', type: 'remote::tavily-search', config: { api_key: 'dummy' } },
  ],
}

function modelOf({ baseUrl, body }: RecordedChat): string {
  return `${baseUrl.includes('11434') ? 'ollama' : 'openai'}/${body.model}`
}

/** Asks for a response, every second one as a stream. */
function toAsk({ call }: UnderTest, failures: string[]): Ask {
  let asked = 0
  return async (testId, request) => {
    asked += 1
    const headers = { 'x-ogx-provider-data': JSON.stringify({ __test_id: testId }) }
    const response = await call('POST /v1/responses', { ...request, stream: asked % 2 === 0 }, headers)
    const text = await response.text()
    const final = asked % 2 === 0 ? /^data: (.*)\n\n$/m.exec(text.slice(text.lastIndexOf('data: ')))?.[1] : text
    // The reply or the last event, as the routes have them.
    const parsed = JSON.parse(final ?? '{}') as {
      id?: string
      status?: string
      response?: { id: string; status: string }
    }
    const { id, status } = parsed.response ?? parsed
    if (id === undefined || status !== 'completed') failures.push(`${testId} ${response.status} ${text.slice(0, 600)}`)
    return id ?? ''
  }
}
