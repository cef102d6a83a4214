/** The agent engine, loaded when somebody first asks for it: a start should not wait for what it does not need. */
import { connectors, conversations, prompts, responses } from '@llama-stack/api'
import type { Connectors, Conversations, Prompts, Responses } from '@llama-stack/api'
import type { AgentEngine, AgentEngineOptions } from './agent-engine.ts'
import { toLateService } from './kernel/late-service.ts'
import { lazy } from './kernel/lazy.ts'
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

/** How often it is looked whether an earlier process, or another one, has left something. The engine then looks itself. */
const LOOK_MS = 2000

export function createLateAgents(options: AgentEngineOptions): LateAgents {
  const { storage, log } = options
  let loaded: Promise<AgentEngine> | undefined
  let timer: NodeJS.Timeout | undefined
  let isStarted = false
  const load = lazy(() => {
    clearInterval(timer)
    loaded = import('./agent-engine.ts').then(({ createAgentEngine }) => {
      const engine = createAgentEngine(options)
      if (isStarted) engine.start()
      return engine
    })
    return loaded
  })
  const look = (): void => {
    if (!storage.jobs.hasAny(RESPONSE_JOB)) return
    load().catch((error: unknown) => log.error('The agent engine could not be started.', { reason: String(error) }))
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
      if (loaded === undefined) timer = setInterval(look, LOOK_MS).unref()
      else void loaded.then((engine) => engine.start())
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await (await loaded)?.[Symbol.asyncDispose]()
    },
  }
}
