/** The schema, step by step. A released step is never changed; a new one is added at the end. */
import { chatCompletions } from './0001-chat-completions.ts'
import { models } from './0002-models.ts'
import { requestLog } from './0003-request-log.ts'
import { responseCache } from './0004-response-cache.ts'
import { modelRevision } from './0005-model-revision.ts'
import { modelProbes } from './0006-model-probes.ts'
import { agentState } from './0007-agent-state.ts'
import { shields } from './0008-shields.ts'
import { requestLogAdjustments } from './0009-request-log-adjustments.ts'
import { connectorLogins } from './0010-connector-logins.ts'
import { historyBeginnings } from './0011-history-beginnings.ts'
import type { Migration } from './migration.ts'

/** Every migration in order. */
export const migrations: readonly Migration[] = Object.freeze([
  chatCompletions,
  models,
  requestLog,
  responseCache,
  modelRevision,
  modelProbes,
  agentState,
  shields,
  requestLogAdjustments,
  connectorLogins,
  historyBeginnings,
])
