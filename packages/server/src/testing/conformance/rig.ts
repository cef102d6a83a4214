/** A provider before the suite, and the vendor that answers it. */
import type {
  ChatCompletionRequest,
  InferenceProvider,
  JsonObject,
  ProviderCall,
  ProviderInput,
  StackError,
} from '@llama-stack/api'
import { bug, isStackError } from '@llama-stack/api'
import { silentLog } from '../../kernel/log.ts'
import { createUpstream } from '../../kernel/upstream.ts'
import { createScriptedUpstream } from '../scripted-upstream.ts'
import type { ScriptedReply, ScriptedRequest, ScriptedRoute, ScriptedUpstream } from '../scripted-upstream.ts'
import type { ConformanceDeclaration, ScriptedSubject } from './declaration.ts'
import { PROVIDER_ID } from './served-reply.ts'

/** The credential that the suite configures. It must show up in no error. */
export const CONFORMANCE_KEY = 'sk-conformance-key'

/** A declaration whose vendor is scripted. */
export type ScriptedDeclaration = ConformanceDeclaration & { readonly subject: ScriptedSubject }

/** Narrows to the declarations that have a vendor. */
export function isScripted(declaration: ConformanceDeclaration): declaration is ScriptedDeclaration {
  return declaration.subject.kind === 'scripted'
}

/** What the vendor answers to the calls under test. */
export type VendorAnswer = ScriptedReply | ((request: ScriptedRequest) => ScriptedReply)

/** How a rig differs from the usual one. */
export interface ScriptedRigOptions {
  /** The operator's key; null leaves it out. Default: {@link CONFORMANCE_KEY}. */
  readonly key?: string | null
  /** Whether the provider may ask for usage by itself. Default: false. */
  readonly accounting?: boolean
  /** Answered before anything else. */
  readonly routes?: Readonly<Record<string, ScriptedRoute>>
  /** Laid over the configuration. */
  readonly config?: JsonObject
}

/** A provider and its scripted vendor. */
export interface ScriptedRig extends AsyncDisposable {
  readonly provider: InferenceProvider
  readonly vendor: ScriptedUpstream
  readonly config: unknown
  /** The requests under test: without those to the script's own routes. */
  readonly asked: readonly ScriptedRequest[]
}

/** Starts the vendor and creates the provider. */
export async function createScriptedRig(
  { definition, subject }: ScriptedDeclaration,
  answer: VendorAnswer,
  options: ScriptedRigOptions = {},
): Promise<ScriptedRig> {
  await using opening = new AsyncDisposableStack()
  const asked: ScriptedRequest[] = []
  const vendor = opening.use(
    await createScriptedUpstream({
      routes: { ...subject.script.routes, ...options.routes },
      handler(request) {
        asked.push(request)
        return typeof answer === 'function' ? answer(request) : answer
      },
    }),
  )
  const upstream = opening.use(createUpstream())
  const { key = CONFORMANCE_KEY, accounting = false } = options
  const config = definition.config.parse({
    ...subject.config({ url: vendor.url, key: key ?? undefined }),
    ...options.config,
  })
  const input: ProviderInput<unknown> = {
    id: PROVIDER_ID,
    config,
    deps: {},
    upstream,
    log: silentLog,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    signal: new AbortController().signal,
    accounting,
  }
  // A definition in a list has forgotten its configuration's type; the schema above has just checked it.
  const provider = definition.create(input as never)
  opening.defer(() => provider[Symbol.asyncDispose]?.())
  const opened = opening.move()
  return { provider, vendor, config, asked, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** A call by nobody in particular. */
export function toCall(more: Partial<ProviderCall> = {}): ProviderCall {
  return { requestId: 'req_1', signal: new AbortController().signal, providerData: {}, ...more }
}

/** A chat of one message. */
export function toChat(model: string, more: Partial<ChatCompletionRequest> = {}): ChatCompletionRequest {
  return { model, messages: [{ role: 'user', content: 'Will it rain?' }], ...more }
}

/** The error of the table that a call fails with. */
export async function failureOf(call: Promise<unknown> | undefined): Promise<StackError> {
  try {
    await call
  } catch (error) {
    if (isStackError(error)) return error
    throw error
  }
  return bug('the call did not fail')
}
