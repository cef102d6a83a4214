import { describe, expect, test } from 'vitest'
import { toAssistantMessage } from '../../packages/server/src/services/responses/chat/assistant-turn.ts'
import type { ChatHistory } from '../../packages/server/src/services/responses/chat/chat-history.ts'
import { haveRecordings, nameOf, readRecordings, readTurn, rebuild, toHistory } from './recorded-responses.ts'
import type { RecordedChat } from './recorded-responses.ts'

if (!haveRecordings) console.warn('SKIPPED: ../shared/recordings is absent, so upstream’s responses are not replayed')

/** Why a recorded call is none that a turn of a response makes, of upstream's today or of ours. */
function reasonOf(chat: RecordedChat): string | undefined {
  const { body } = chat
  if (body['stream'] !== true) return 'a guard’s call'
  if (body.tools?.some((tool) => tool.function?.name === 'knowledge_search') === true)
    return 'older name of file_search'
  // The text of the document was changed in the file when the project was renamed.
  return nameOf(body, chat) === chat.name ? undefined : 'rewritten after it was recorded'
}

const counted = (list: readonly string[]) =>
  Object.fromEntries([...new Set(list)].map((entry) => [entry, list.filter((other) => other === entry).length]))

/** The recorded calls that a recorded reply led to: the same conversation, one turn of the assistant longer. */
function followersOf(chat: RecordedChat, chats: readonly RecordedChat[]): RecordedChat[] {
  const length = chat.body.messages.length
  const begun = JSON.stringify(chat.body.messages)
  return chats.filter(
    ({ testId, body: { messages } }) =>
      testId === chat.testId &&
      messages[length]?.role === 'assistant' &&
      typeof messages[length]?.content === 'string' &&
      JSON.stringify(messages.slice(0, length)) === begun,
  )
}

describe.skipIf(!haveRecordings)('upstream’s recordings of responses (skipped where they are absent)', () => {
  describe.each([
    ['responses', { hit: 238, 'older name of file_search': 26, 'rewritten after it was recorded': 2 }],
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
        const told = next.body.messages[chat.body.messages.length]
        // Asked again, the model gave another answer: it led to other calls.
        if (JSON.stringify(told) !== JSON.stringify(history.messages.at(-1))) outcomes.push('another answer')
        else
          outcomes.push(
            reasonOf(next) ?? (nameOf(rebuild(next, goOn(history, next)), next) === next.name ? 'hit' : next.name),
          )
      }
    }
    expect(counted(outcomes)).toEqual({ hit: 117, 'another answer': 7, 'rewritten after it was recorded': 2 })
  })
})

function goOn(history: ChatHistory, { body: { messages } }: RecordedChat) {
  return toHistory(messages.slice(history.messages.length), history).messages
}
