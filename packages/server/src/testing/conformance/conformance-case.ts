/** One case of the suite, and the provider that it is run against. */
import { bug } from '@llama-stack/api'
import type { ChatCompletionRequest, InferenceProvider } from '@llama-stack/api'
import type { ScriptedReply } from '../scripted-upstream.ts'
import type { Capability } from './capabilities.ts'
import type { ComputedSubject, ConformanceDeclaration } from './declaration.ts'
import { createScriptedRig, isScripted } from './rig.ts'
import type { ScriptedRigOptions, VendorAnswer } from './rig.ts'
import type { AskedChat, ChatScript, VendorScript, VendorStream, VendorTurn } from './vendor-script.ts'

/** A case; it is skipped when its capability is. */
export interface ConformanceCase {
  readonly capability: Capability
  readonly title: string
  /** The case needs a vendor: providers that compute do not have it. Default: false. */
  readonly scriptedOnly?: boolean
  /** The case bounds a time of less than a second. Default: false. */
  readonly timed?: boolean
  /** Why the case says nothing about a vendor, or undefined. Default: it always does. */
  readonly unfit?: (script: VendorScript) => string | undefined
  run(under: SubjectUnderTest): Promise<void>
}

/** What a case runs against. */
export interface SubjectUnderTest {
  readonly declaration: ConformanceDeclaration
  /** The one instance of a provider that computes. */
  readonly computed: () => Promise<InferenceProvider>
}

/** A provider that is about to be asked for a chat. */
export interface ChatUnderTest extends AsyncDisposable {
  readonly provider: InferenceProvider
  readonly request: ChatCompletionRequest
  /** What the model says; undefined where the provider computes it. */
  readonly says: VendorTurn | undefined
  /** What the vendor was asked so far; empty where there is none. */
  asked(): AskedChat[]
}

export interface ChatSetting {
  readonly says: VendorTurn
  readonly request?: Partial<ChatCompletionRequest>
  /** Which of the declared requests makes a provider that computes say the like. Default: `text`. */
  readonly computed?: keyof NonNullable<ComputedSubject['requests']>
  /** How the vendor's stream is sent. Default: frame by frame. */
  readonly send?: (stream: VendorStream) => ScriptedReply
  readonly rig?: ScriptedRigOptions
}

/** Opens the provider, with its vendor where it has one, for one chat. */
export async function openChat(
  { declaration, computed }: SubjectUnderTest,
  { says, request, send = sendStream, rig: options, computed: wanted = 'text' }: ChatSetting,
): Promise<ChatUnderTest> {
  const model = declaration.models.chat ?? bug('the declaration names no chat model')
  const plain: ChatCompletionRequest = { model, messages: [{ role: 'user', content: 'Will it rain?' }], ...request }
  if (!isScripted(declaration)) {
    const { subject } = declaration
    const own = subject.kind === 'computed' ? subject.requests?.[wanted] : undefined
    return {
      provider: await computed(),
      request: { ...plain, ...own },
      says: undefined,
      asked: () => [],
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  }
  const chat = declaration.subject.script.chat ?? bug('the script has no chat')
  const rig = await createScriptedRig(declaration, toChatAnswer(chat, says, send), options)
  return {
    provider: rig.provider,
    request: plain,
    says,
    asked: () => rig.asked.map((one) => chat.read(one)),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

/** Answers chats with a turn, streamed where that was asked for. */
export function toChatAnswer(
  chat: ChatScript,
  turn: VendorTurn,
  send: (stream: VendorStream) => ScriptedReply = sendStream,
): VendorAnswer {
  return (request) => {
    const asked = chat.read(request)
    return asked.streamed ? send(chat.stream(turn, asked, request)) : chat.reply(turn, asked, request)
  }
}

/** Sends a stream frame by frame. */
export function sendStream({ contentType, frames }: VendorStream): ScriptedReply {
  return { headers: { 'content-type': contentType }, frames }
}
