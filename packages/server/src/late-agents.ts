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

/** What was left can wait until the server has answered its first requests. */
const FIRST_LOOK_MS = 500

/** How often it is looked whether an earlier process, or another one, has left something. The engine then looks itself. */
const LOOK_MS = 2000

export function createLateAgents(options: AgentEngineOptions): LateAgents {
  const { storage, log } = options
  let loaded: Promise<AgentEngine> | undefined
  let timer: NodeJS.Timeout | undefined
  let isStarted = false
  const load = lazy(() => {
    clearTimeout(timer)
    loaded = import('./agent-engine.ts').then(({ createAgentEngine }) => {
      const engine = createAgentEngine(options)
      if (isStarted) engine.start()
      return engine
    })
    return loaded
  })
  const look = (): void => {
    try {
      if (storage.jobs.hasAny(RESPONSE_JOB)) {
        load().catch((error: unknown) => log.error('The agent engine could not be started.', { reason: String(error) }))
        return
      }
    } catch (error) {
      log.warn('Responses that were left could not be looked for.', { reason: String(error) })
    }
    timer = setTimeout(look, LOOK_MS).unref()
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
      if (loaded === undefined) timer = setTimeout(look, FIRST_LOOK_MS).unref()
      // Whoever asked for it hears why it cannot be loaded.
      else loaded.then((engine) => engine.start()).catch(() => undefined)
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      const engine = await loaded?.catch(() => undefined)
      await engine?.[Symbol.asyncDispose]()
    },
  }
}
