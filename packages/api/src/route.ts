/**
 * A route is declared once. From the declaration come the service's interface, the validation at the edge, the OpenAPI
 * document, the client and the page of the reference.
 */
import type { z } from 'zod'
import type { ErrorCode } from './errors.ts'
import type { CallContext } from './context.ts'
import type { Reply } from './reply.ts'

/** Who may call: `public` needs no key; the others need one when the server requires keys. */
export type Access = 'public' | 'read' | 'write' | 'admin'

/** How much a client may rely on a route: it decides the path prefix and the filter of `/v1/inspect/routes`. */
export type Stability = 'v1' | 'v1beta' | 'v1alpha' | 'deprecated'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/**
 * How events stand in a stream. `openai-chunks`: bare `data:` lines that end with `[DONE]`, an error as `{"error": …}`.
 * `openai-events`: each under the name of its type, without `[DONE]`, an error as an event of the type `error`.
 */
export type StreamDialect = 'openai-chunks' | 'openai-events'

/**
 * How clients call an operation over a WebSocket, which `GET` on the route's path opens: each message is a call, each event of
 * its reply a message back.
 */
export interface WebSocketFacts {
  /** The `type` of the messages that call the operation. Their other members are the body, with `stream: true`. */
  readonly message: string
  /** Types of messages that need no answer. */
  readonly ignores?: readonly string[]
}

/** One declared route. Wire schemas hold no transforms; what we receive is loose, so unknown fields travel on. */
export interface Route {
  readonly method: Method
  /** `{name}` is one path segment, `{name*}` also takes slashes (model ids). */
  readonly path: `/${string}`
  /** Further paths that answer exactly alike: the other generation's spelling. */
  readonly aliases?: readonly `/${string}`[]
  readonly access: Access
  readonly stability?: Stability
  readonly summary: string
  /** More for the reference: defaults, limits, quirks and where a rule comes from. */
  readonly description?: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodObject
  readonly response?: z.ZodType
  /** What flows as server-sent events when the body, or the query of a GET, says `stream: true`. */
  readonly event?: z.ZodType
  /** How they stand in the stream, and how a failure in its midst does. Default: openai-chunks. */
  readonly streamDialect?: StreamDialect
  /** Whether the body may come as `application/x-www-form-urlencoded` too. Default: false. */
  readonly forms?: boolean
  /** Whether the operation is called over a WebSocket too, and how. Default: it is not. */
  readonly webSocket?: WebSocketFacts
  /** The status of a success. Default: 200; 204 has no body. */
  readonly status?: 200 | 201 | 204
  readonly errors?: readonly ErrorCode[]
  /** Paths of the requirements manifest or of upstream that this route answers, for the reference. */
  readonly tag?: string
}

/** Routes by operation name. */
export type Api = Readonly<Record<string, Route>>

type Part<T> = T extends z.ZodType ? z.infer<T> : object

/** Path, query and body of a route, merged into one object. */
export type RequestOf<R extends Route> = Part<R['params']> & Part<R['query']> & Part<R['body']>

/** What an operation answers: a value, a stream of typed events, or bytes to relay. */
export type ReplyOf<R extends Route> = Reply<
  R['response'] extends z.ZodType ? z.infer<R['response']> : undefined,
  R['event'] extends z.ZodType ? z.infer<R['event']> : never
>

/** The one interface that router, in-process use and HTTP handler speak. */
export type Service<A extends Api> = {
  readonly [Name in keyof A]: (request: RequestOf<A[Name]>, context: CallContext) => Promise<ReplyOf<A[Name]>>
}

/** A service when the types of its single routes no longer matter: what a route table holds. */
export type AnyService = Readonly<
  Record<string, (request: never, context: CallContext) => Promise<Reply<unknown, unknown>>>
>

/** Declares the routes of one API. It reads no schema: those behind getters are built when a route is first called. */
export function defineApi<const A extends Api>(api: A): A {
  return Object.freeze(api)
}

const requestParts = ['params', 'query', 'body'] as const

/** The first key that two parts of a route's request declare: merged into one object, one of the two would be lost. */
export function findDuplicateKey(route: Route): string | undefined {
  const keys = requestParts.flatMap((part) => Object.keys(route[part]?.shape ?? {}))
  return keys.find((key, index) => keys.indexOf(key) !== index)
}
