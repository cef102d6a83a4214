/**
 * Exact answers, given again: an answer is kept where a request or the configuration asks for it, and what is asked again in
 * the same words, by the same caller, of the same targets, gets it without a call to a provider.
 */
import type { CallContext, Clock, Log, Principal, ReplyHeaders, RequestRecord } from '@llama-stack/api'
import { isStackError } from '@llama-stack/api'
import { bytesStream } from '../../kernel/byte-stream.ts'
import { stackHeaders } from '../../kernel/stack-headers.ts'
import type {
  CachedReply,
  CachedReplyFormat,
  CachedReplyOrigin,
  ResponseCacheRepository,
  Storage,
} from '../../storage/storage.ts'
import type { AnyReply } from '../reliability/operation.ts'
import type { CachePlan } from './cache-plan.ts'
import { isSilent, toCachePlan } from './cache-plan.ts'
import type { ResponseCachePolicy } from './cache-policy.ts'
import type { CacheableCall } from './cacheable-call.ts'
import { isStreamed } from './cacheable-call.ts'
import type { CallIdentity } from './call-identity.ts'
import { toCacheKey, toCallIdentity } from './call-identity.ts'
import { KeptStream } from './kept-stream.ts'
import type { RecentReply } from './recent-replies.ts'
import { RecentReplies } from './recent-replies.ts'
import { SharedCalls } from './shared-calls.ts'
import { isWholeCompletion, isWholeStream } from './whole-answer.ts'

export interface ResponseCacheOptions {
  readonly policy: ResponseCachePolicy
  readonly storage: Pick<Storage, 'responseCache'>
  readonly clock: Clock
  readonly log: Log
}

/** Makes the call to the provider. The context is the caller's own, but for signal and record where calls are shared. */
export type MakeCall<R> = (context: CallContext) => Promise<R>

/** What became of the calls of one owner that looked for an answer. */
export interface CacheCounts {
  readonly hits: number
  readonly misses: number
  /** Answered by an equal call that was under way. */
  readonly joined: number
}

/** Whose the answers are that all principals share: no principal has this id. */
const EVERYBODY: Principal = Object.freeze({ id: '*' })

/** The store is told at most this often that an answer is in use: what is evicted first need not be exact. */
const TOUCH_MS = 60_000

/** A call with what was found out about it. */
interface Look extends CacheableCall {
  readonly plan: CachePlan
  readonly owner: Principal
  readonly identity: CallIdentity
  /** Absent where nothing is looked for and nothing kept. */
  readonly key: string | undefined
}

export class ResponseCache {
  readonly #options: ResponseCacheOptions
  readonly #isSilent: boolean
  readonly #recent: RecentReplies
  readonly #shared = new SharedCalls<AnyReply>()
  readonly #counts = new Map<string, { -readonly [Name in keyof CacheCounts]: CacheCounts[Name] }>()

  constructor(options: ResponseCacheOptions) {
    this.#options = options
    this.#isSilent = isSilent(options.policy)
    this.#recent = new RecentReplies(options.policy.memoryBytes)
  }

  /** Gives an answer that is there already, or makes the call. The reply is of the kind that the call itself has. */
  serve<R extends AnyReply>(call: CacheableCall, make: MakeCall<R>): Promise<R> {
    const { context, operation } = call
    // Equal embeddings are made once even where nothing is cached.
    if (this.#isSilent && context.cacheControl === undefined && operation !== 'embeddings') return make(context)
    const plan = toCachePlan(call, this.#options.policy)
    return plan === undefined ? make(context) : this.#serve(this.#toLook(call, plan), make)
  }

  /** Whose answers this principal gets. */
  ownerOf(principal: Principal): Principal {
    return this.#options.policy.shared ? EVERYBODY : principal
  }

  /** Since the start of the process. */
  countsOf(owner: Principal): CacheCounts {
    return this.#counts.get(owner.id) ?? { hits: 0, misses: 0, joined: 0 }
  }

  /** Deletes the answers of an owner: to questions for one model, or all. How many there were. */
  clear(owner: Principal, model: string | undefined): Promise<number> {
    this.#recent.clear(owner.id, model)
    return this.#options.storage.responseCache(owner).clear(model)
  }

  #toLook(call: CacheableCall, plan: CachePlan): Look {
    const owner = this.ownerOf(call.context.principal)
    const identity = toCallIdentity(call, owner.id)
    return { ...call, plan, owner, identity, key: plan.saysMiss === undefined ? undefined : toCacheKey(identity) }
  }

  async #serve<R extends AnyReply>(look: Look, make: MakeCall<R>): Promise<R> {
    const found = await this.#find(look)
    if (found !== undefined) {
      this.#count(look, 'hits')
      // The key has the operation and the mode: the reply is of the kind that was kept.
      return this.#toHit(look, found) as R
    }
    if (!look.plan.joins) {
      this.#count(look, 'misses')
      return this.#ask(look, look.context, make)
    }
    const { result, joined } = await this.#shared.join(look.identity, look.context, (context) =>
      this.#ask(look, context, make),
    )
    this.#count(look, joined ? 'joined' : 'misses')
    if (!joined) return result as R
    const { record } = look.context
    if (record !== undefined) record.cached = true
    // Equal calls are of one operation.
    return withHeader(result, 'joined') as R
  }

  /** Makes the call, and keeps the answer where that is planned. */
  async #ask<R extends AnyReply>(look: Look, context: CallContext, make: MakeCall<R>): Promise<R> {
    const { saysMiss, keepForMs } = look.plan
    if (saysMiss === undefined) return make(context)
    const record: RequestRecord = context.record ?? {}
    const reply = withHeader(await make(context.record === undefined ? { ...context, record } : context), saysMiss)
    // A stand-in is exchanged for the model at the next start: what it said must not outlive it.
    if (keepForMs === undefined || reply.headers?.[stackHeaders.substitute] !== undefined) return reply
    if (reply.kind !== 'stream') {
      this.#keepWhole(look, reply, record)
      return reply
    }
    const { contentType, headers } = reply
    const stream = new KeptStream(reply.stream, {
      maxBytes: this.#options.policy.maxEntryBytes,
      onEnd: (body) => {
        if (isWholeStream(body)) this.#keep(look, { format: 'stream', body, contentType, headers, record })
      },
    })
    return { ...reply, stream }
  }

  #keepWhole(look: Look, reply: Exclude<AnyReply, { kind: 'stream' }>, record: RequestRecord): void {
    // Events are framed as a stream before they come here.
    if (reply.kind === 'events') return
    const { headers } = reply
    const text = reply.kind === 'value' ? JSON.stringify(reply.value) : reply.bytes
    const body = typeof text === 'string' ? Buffer.from(text) : text
    const isCompletion = look.operation === 'chat' || look.operation === 'text'
    if (isCompletion && !isWholeCompletion([toValue(reply)])) return
    const contentType = reply.kind === 'bytes' ? reply.contentType : 'application/json'
    this.#keep(look, { format: reply.kind, body, contentType, headers, record })
  }

  #keep({ key, operation, route, plan, owner }: Look, answer: Answer): void {
    const { policy, clock, storage } = this.#options
    if (key === undefined || plan.keepForMs === undefined || answer.body.byteLength > policy.maxEntryBytes) return
    const createdAtMs = clock.now()
    const reply: CachedReply = {
      key,
      operation,
      model: route.requested,
      format: answer.format,
      createdAtMs,
      expiresAtMs: createdAtMs + plan.keepForMs,
      origin: toOrigin(answer),
      body: toOwnBytes(answer.body),
    }
    const recent: RecentReply = { owner: owner.id, reply, isWritten: false, touchedAtMs: createdAtMs }
    this.#recent.put(recent)
    const written = storage.responseCache(owner).put(reply)
    this.#inBackground(written.finally(() => (recent.isWritten = true)))
  }

  async #find({ plan, owner, key }: Look): Promise<CachedReply | undefined> {
    if (key === undefined || plan.maxAgeMs === undefined) return undefined
    const { clock, storage } = this.#options
    const nowMs = clock.now()
    const recent = await this.#read(owner, key)
    if (recent === undefined) return undefined
    const { reply } = recent
    if (reply.expiresAtMs <= nowMs || nowMs - reply.createdAtMs > plan.maxAgeMs) return undefined
    if (nowMs - recent.touchedAtMs > TOUCH_MS) {
      recent.touchedAtMs = nowMs
      this.#inBackground(storage.responseCache(owner).touch(key))
    }
    return reply
  }

  async #read(owner: Principal, key: string): Promise<RecentReply | undefined> {
    const replies = this.#options.storage.responseCache(owner)
    try {
      const known = this.#recent.find(key)
      if (known !== undefined && (await isCurrent(known, replies))) return known
      this.#recent.delete(key)
      const reply = await replies.find(key)
      if (reply === undefined) return undefined
      const found: RecentReply = { owner: owner.id, reply, isWritten: true, touchedAtMs: 0 }
      this.#recent.put(found)
      return found
    } catch (error) {
      // A cache that cannot be read must not keep anybody from an answer.
      this.#warn('A cached reply could not be read.', error)
      return undefined
    }
  }

  #toHit(call: CacheableCall, { createdAtMs, format, origin, body }: CachedReply): AnyReply {
    noteHit(call, origin)
    const { contentType } = origin
    const ageSeconds = Math.max(0, Math.floor((this.#options.clock.now() - createdAtMs) / 1000))
    const headers = { ...origin.headers, [stackHeaders.cache]: `hit; age=${ageSeconds}` }
    if (format === 'stream') return { kind: 'stream', stream: bytesStream(body), contentType, headers }
    const bytes: AnyReply = { kind: 'bytes', bytes: body, contentType, headers }
    return format === 'bytes' ? bytes : { kind: 'value', value: toValue(bytes), headers }
  }

  #count({ owner, plan }: Look, what: keyof CacheCounts): void {
    if (plan.maxAgeMs === undefined && what !== 'joined') return
    let counts = this.#counts.get(owner.id)
    if (counts === undefined) this.#counts.set(owner.id, (counts = { hits: 0, misses: 0, joined: 0 }))
    counts[what] += 1
  }

  #inBackground(writing: Promise<void>): void {
    writing.catch((error: unknown) => this.#warn('A cached reply could not be written.', error))
  }

  #warn(message: string, error: unknown): void {
    if (isStackError(error, 'server_shutting_down')) return
    this.#options.log.warn(message, { reason: error instanceof Error ? error.message : String(error) })
  }
}

/** A whole answer, before it is kept. */
interface Answer {
  readonly format: CachedReplyFormat
  readonly body: Uint8Array
  readonly contentType: string
  readonly headers: ReplyHeaders | undefined
  readonly record: RequestRecord
}

function toOrigin({ contentType, headers = {}, record }: Answer): CachedReplyOrigin {
  // They tell of the call that made the answer, and not of one that gets it again.
  const { [stackHeaders.attempts]: _attempts, [stackHeaders.cache]: _cache, ...kept } = headers
  return {
    headers: kept,
    contentType,
    providerId: record.providerId ?? null,
    providerModel: record.providerModel ?? null,
    demo: record.demo ?? false,
    inputTokens: record.inputTokens ?? null,
    outputTokens: record.outputTokens ?? null,
    totalTokens: record.totalTokens ?? null,
  }
}

/** Whether the store still has what is remembered: another process of this server may have cleared or replaced it. */
async function isCurrent({ isWritten, reply }: RecentReply, replies: ResponseCacheRepository): Promise<boolean> {
  return !isWritten || reply.createdAtMs === (await replies.createdAtMs(reply.key))
}

/** A reply is often a part of a larger buffer, which would stay in memory with it. */
function toOwnBytes(body: Uint8Array): Uint8Array {
  return body.buffer.byteLength === body.byteLength ? body : new Uint8Array(body)
}

/** The log says who gave the answer and what it was said to cost; `cached` says that nobody was asked this time. */
function noteHit(call: CacheableCall, origin: CachedReplyOrigin): void {
  const { record } = call.context
  if (record === undefined) return
  record.cached = true
  record.streamed = isStreamed(call)
  record.demo = origin.demo
  for (const name of ['providerId', 'providerModel'] as const) {
    const known = origin[name]
    if (known !== null) record[name] = known
  }
  for (const name of ['inputTokens', 'outputTokens', 'totalTokens'] as const) {
    const known = origin[name]
    if (known !== null) record[name] = known
  }
}

function toValue(reply: Extract<AnyReply, { kind: 'value' | 'bytes' }>): unknown {
  if (reply.kind === 'value') return reply.value
  return JSON.parse(typeof reply.bytes === 'string' ? reply.bytes : Buffer.from(reply.bytes).toString('utf8'))
}

function withHeader<R extends AnyReply>(reply: R, says: string): R {
  return { ...reply, headers: { ...reply.headers, [stackHeaders.cache]: says } }
}
