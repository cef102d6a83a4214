/** The agent engine, loaded when somebody first asks for it: a start should not wait for what it does not need. */
import { connectors, conversations, prompts, responses } from '@llama-stack/api'
import type { Connectors, Conversations, Prompts, Responses } from '@llama-stack/api'
import type { AgentEngine, AgentEngineOptions } from './agent-engine.ts'
import { toLateService } from './kernel/late-service.ts'
import { lazy } from './kernel/lazy.ts'

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
const START_DELAY_MS = 500

export function createLateAgents(options: AgentEngineOptions): LateAgents {
  let loaded: Promise<AgentEngine> | undefined
  const load = lazy(
    () => (loaded = import('./agent-engine.ts').then(({ createAgentEngine }) => createAgentEngine(options))),
  )
  let timer: NodeJS.Timeout | undefined
  return {
    services: {
      responses: toLateService(responses, async () => (await load()).responses),
      conversations: toLateService(conversations, async () => (await load()).conversations),
      prompts: toLateService(prompts, async () => (await load()).prompts),
      connectors: toLateService(connectors, async () => (await load()).connectors),
    },
    start() {
      timer = setTimeout(() => {
        load().then(
          (engine) => engine.start(),
          (error: unknown) => options.log.error('The agent engine could not be started.', { reason: String(error) }),
        )
      }, START_DELAY_MS).unref()
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      await (await loaded)?.[Symbol.asyncDispose]()
    },
  }
}
