/** What every run of this server works with. */
import type { Clock, Inference, Log } from '@llama-stack/api'
import type { Ids } from '../../../kernel/ids.ts'
import type { FindChatModel } from '../../models/chat-model-lookup.ts'
import type { TokenCounter } from '../../tokens/token-counter.ts'
import type { Compaction } from '../compaction/compaction.ts'
import type { ToolSources } from '../tools/tool-sources.ts'
import type { StructuredWorld } from './answer-format.ts'
import type { RunCaller } from './run-plan.ts'
import type { TextFilter } from './turn-writer.ts'

/** What judges what goes in and what comes out. */
export interface Guards {
  /** What is said instead of an answer; undefined where the texts may pass. */
  checkInput(texts: readonly GuardedText[], caller: GuardCaller): Promise<string | undefined>
  openOutput(caller: GuardCaller): TextFilter
}

export interface GuardedText {
  readonly role: 'user' | 'assistant' | 'tool' | 'system'
  readonly text: string
}

export type GuardCaller = RunCaller & { readonly signal: AbortSignal }

export interface RunWorld {
  readonly inference: Pick<Inference, 'createChatCompletion'>
  readonly sources: ToolSources
  readonly findModel: FindChatModel
  readonly tokens: TokenCounter
  readonly compaction: Compaction
  readonly structured: StructuredWorld
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Whether outbound bodies have to be the very ones that upstream sends, so that its recordings are found. */
  readonly asRecorded: boolean
  /** How long a run may take. Default: as long as it needs. */
  readonly maxWallTimeMs?: number | undefined
  /** How often the model may be called, whatever a request wants. */
  readonly maxTurns: number
  /** The guards that these shields are; throws where a shield is not there. */
  readonly openGuards: (shields: readonly string[], caller: RunCaller) => Promise<Guards>
  /** Makes a text unreadable for everybody but this server. */
  readonly seal: (text: string) => string
}
