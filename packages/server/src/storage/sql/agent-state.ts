/** The agent engine's tables of one SQLite file. */
import type { Clock } from '@llama-stack/api'
import { lazy } from '../../kernel/lazy.ts'
import type { Storage } from '../storage.ts'
import { prepareConversations } from './conversations.ts'
import { prepareJobQueue, prepareJobRows } from './jobs.ts'
import type { LeaseProcess } from './jobs.ts'
import { preparePrompts } from './prompts.ts'
import { prepareResponseEvents } from './response-events.ts'
import { prepareResponses } from './responses.ts'
import type { SqliteDatabase } from './sqlite-database.ts'
import { prepareToolCalls } from './tool-calls.ts'

/** The repositories, as the storage port has them. Statements are prepared by the first use: a start needs none. */
export function prepareAgentState(
  database: SqliteDatabase,
  clock: Clock,
  process: LeaseProcess,
): Pick<Storage, 'responses' | 'conversations' | 'prompts' | 'jobs'> {
  const conversations = lazy(() => prepareConversations(database))
  const responses = lazy(() => {
    const { connection } = database
    const parts = { events: prepareResponseEvents(connection), calls: prepareToolCalls(connection) }
    return prepareResponses({
      ...parts,
      database,
      jobs: prepareJobRows(connection, clock, process),
      append: conversations().append,
    })
  })
  const prompts = lazy(() => preparePrompts(database))
  const jobs = lazy(() => prepareJobQueue(database, clock, process))
  return {
    responses: (principal) => responses()(principal),
    conversations: (principal) => conversations().of(principal),
    prompts: (principal) => prompts()(principal),
    get jobs() {
      return jobs()
    },
  }
}
