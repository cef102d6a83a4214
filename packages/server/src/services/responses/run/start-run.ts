/** Begins the run of a plan, with the journal and the readers that its request wants. */
import type { Principal, RequestRecord } from '@llama-stack/api'
import type { Storage } from '../../../storage/storage.ts'
import type { ConnectionMemory } from '../connection-memory.ts'
import { toChainRow } from '../history/chain-row.ts'
import type { RecentChains } from '../history/recent-chains.ts'
import { toolSecrets } from '../request/echo-tools.ts'
import type { ActiveRuns } from './active-runs.ts'
import { EventFeed } from './event-feed.ts'
import { Journal } from './journal.ts'
import { ResponseRun } from './response-run.ts'
import type { EndedResponse } from './response-run.ts'
import type { ToldItem } from './restored-output.ts'
import { DISOWNED } from './run-end.ts'
import type { RunPlan } from './run-plan.ts'
import type { RunSecrets } from './run-state.ts'
import type { RunWorld } from './run-world.ts'

export interface StartWorld {
  readonly storage: Pick<Storage, 'responses' | 'conversations'>
  readonly active: ActiveRuns
  readonly runs: RunWorld
  /** Names this process in leases. */
  readonly worker: string
  readonly recentChains: RecentChains
}

export interface StartOptions {
  readonly plan: RunPlan
  readonly record: RequestRecord
  /** What the connection of its request remembers. */
  readonly memory?: ConnectionMemory | undefined
  /** What an earlier process told, and the number of the event that follows: the run goes on from there. */
  readonly told?: { readonly items: readonly ToldItem[]; readonly next: number }
}

export interface PreparedRun {
  readonly run: ResponseRun
  /** Undefined where nobody will read events. */
  readonly feed: EventFeed | undefined
  readonly start: () => Promise<EndedResponse>
}

/** Prepares a run; it begins with `start`. */
export function prepareRun(
  { plan, record, memory, told }: StartOptions,
  { storage, active, runs, worker, recentChains }: StartWorld,
): PreparedRun {
  const { settled, caller, frame } = plan
  const principal: Principal = caller.principal
  const repository = storage.responses(principal)
  const isHeard = settled.isStreamed || settled.isBackground
  const feed = isHeard ? new EventFeed({ first: told?.next ?? 0, keeps: settled.isStored }) : undefined
  const journal = new Journal({
    id: frame.id,
    repository,
    conversations: storage.conversations(principal),
    feed,
    isStored: settled.isStored,
    onKept: (row) => recentChains.lengthen(toChainRow(row), principal),
    onUnkept: memory === undefined ? undefined : (row) => memory.keep(row),
    worker,
    onLost(reason) {
      if (reason !== undefined) runs.log.error('A response cannot be kept.', { response: frame.id, reason })
      run.stop(DISOWNED)
    },
  })
  if (told !== undefined) journal.resume()
  const secrets: RunSecrets = { tools: toolSecrets(settled.request.tools ?? []), providerData: caller.providerData }
  const run = new ResponseRun({
    plan,
    world: runs,
    journal,
    repository,
    isHeard,
    ...(told !== undefined && { firstSequence: told.next, told: told.items }),
    record,
    sealSecrets: () => (isEmpty(secrets) ? null : runs.seal(JSON.stringify(secrets))),
  })
  return { run, feed, start: () => active.start(run, feed, principal) }
}

function isEmpty({ tools, providerData }: RunSecrets): boolean {
  return Object.keys(tools).length === 0 && Object.keys(providerData).length === 0
}
