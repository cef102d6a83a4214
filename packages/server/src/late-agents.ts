/** The agent engine, loaded when somebody first asks for it: a start should not wait for what it does not need. */
import { connectors, conversations, prompts, responses } from '@llama-stack/api'
import type { Connectors, Conversations, Prompts, Responses } from '@llama-stack/api'
import type { AgentEngine, AgentEngineOptions } from './agent-engine.ts'
import { toLateService } from './kernel/late-service.ts'
import { RESPONSE_JOB } from './services/responses/response-job.ts'

export interface LateAgents extends AsyncDisposable {
  readonly services: {
    readonly responses: Responses
    readonly conversations: Conversations
    readonly prompts: Prompts
    readonly connectors: Connectors
  }
  /** Takes up what earlier processes have left, once the start is over. */
  start(): void
}

/** What was left can wait until the server has answered its first requests. */
const FIRST_LOOK_MS = 500

/** How often it is looked whether an earlier process, or another one, has left something. The engine then looks itself. */
const LOOK_MS = 2000

/** A failure to load it is that of whoever needed it; the next one who does tries again. */
export function createLateAgents(options: AgentEngineOptions): LateAgents {
  const { log } = options
  let loading: Promise<AgentEngine> | undefined
  let engine: AgentEngine | undefined
  let timer: NodeJS.Timeout | undefined
  let isStarted = false
  let isClosed = false
  let isFailureTold = false
  const create = async (): Promise<AgentEngine> => {
    const { createAgentEngine } = await import('./agent-engine.ts')
    engine = createAgentEngine(options)
    clearTimeout(timer)
    if (isStarted) engine.start()
    return engine
  }
  const load = (): Promise<AgentEngine> =>
    (loading ??= create().catch((error: unknown) => {
      loading = undefined
      throw error
    }))
  const lookIn = (delayMs: number): void => {
    if (!isClosed) timer = setTimeout(look, delayMs).unref()
  }
  const look = (): void => {
    if (!hasLeft(options)) {
      lookIn(LOOK_MS)
      return
    }
    load().catch((error: unknown) => {
      if (!isFailureTold) log.error('The agent engine could not be started.', { reason: String(error) })
      isFailureTold = true
      lookIn(LOOK_MS)
    })
  }
  return {
    services: {
      responses: toLateService(responses, async () => (await load()).responses),
      conversations: toLateService(conversations, async () => (await load()).conversations),
      prompts: toLateService(prompts, async () => (await load()).prompts),
      connectors: toLateService(connectors, async () => (await load()).connectors),
    },
    start() {
      isStarted = true
      if (engine === undefined) lookIn(FIRST_LOOK_MS)
      else engine.start()
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      clearTimeout(timer)
      await loading?.catch(() => undefined)
      await engine?.[Symbol.asyncDispose]()
    },
  }
}

/** Whether an earlier process, or another one, has left a response. */
function hasLeft({ storage, log }: AgentEngineOptions): boolean {
  try {
    return storage.jobs.hasAny(RESPONSE_JOB)
  } catch (error) {
    log.warn('Responses that were left could not be looked for.', { reason: String(error) })
    return false
  }
}
