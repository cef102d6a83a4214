/** A small application for the tests of this folder: one route of every kind, its chat operation given by the test. */
import * as z from 'zod'
import { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest, defineApi, value } from '@llama-stack/api'
import type { CallContext, Clock, Log, Reply } from '@llama-stack/api'
import { createIds } from '../kernel/ids.ts'
import { silentLog } from '../kernel/log.ts'
import type { BoundRoute, Operation } from './bound-route.ts'
import type { FinishedRequest } from './exchange.ts'
import { createHttpApp } from './http-app.ts'
import type { HttpApp } from './http-app.ts'
import type { HttpServerSettings } from './http-settings.ts'

const Thing = z
  .looseObject({ size: z.int().min(1).max(9).default(3), label: z.string().optional() })
  .meta({ id: 'Thing' })

const ResponseRequest = z
  .looseObject({
    model: z.string(),
    input: z.union([z.string(), z.array(z.looseObject({}))]),
    stream: z.boolean().nullish(),
    temperature: z.number().nullish(),
    include: z.array(z.string()).nullish(),
    user: z.string().nullish(),
  })
  .meta({ id: 'ResponseRequest' })

/** The declared routes. */
const sampleApi = defineApi({
  chatCompletion: {
    method: 'POST',
    path: '/v1/chat/completions',
    aliases: ['/v1/openai/v1/chat/completions'],
    access: 'write',
    summary: 'Creates a chat completion.',
    body: ChatCompletionRequest,
    response: ChatCompletion,
    event: ChatCompletionChunk,
    errors: ['model_not_found'],
  },
  listModels: {
    method: 'GET',
    path: '/v1/models',
    access: 'read',
    summary: 'Lists models.',
    query: z.object({
      limit: z.int().max(100).default(20),
      all: z.boolean().optional(),
      include: z.array(z.string()).optional(),
    }),
    response: z.looseObject({}),
  },
  getModel: {
    method: 'GET',
    path: '/v1/models/{model_id*}',
    access: 'read',
    summary: 'Gets one model.',
    params: z.object({ model_id: z.string() }),
    response: z.looseObject({}),
  },
  putThing: {
    method: 'PUT',
    path: '/v1/things/{id}',
    access: 'write',
    summary: 'Replaces a thing.',
    params: z.object({ id: z.string() }),
    body: Thing,
    response: Thing,
    status: 201,
  },
  deleteThing: {
    method: 'DELETE',
    path: '/v1/things/{id}',
    access: 'write',
    summary: 'Deletes a thing.',
    params: z.object({ id: z.string() }),
    status: 204,
  },
  getTrace: {
    method: 'GET',
    path: '/v1/traces/{trace_id*}',
    access: 'read',
    summary: 'Gets a trace.',
    response: z.looseObject({}),
  },
  getSpan: {
    method: 'GET',
    path: '/v1/traces/{trace_id*}/spans/{span_id*}',
    access: 'read',
    summary: 'Gets a span.',
    response: z.looseObject({}),
  },
  createResponse: {
    method: 'POST',
    path: '/v1/responses',
    aliases: ['/v1/openai/v1/responses'],
    access: 'write',
    summary: 'Creates a response.',
    forms: true,
    streamDialect: 'openai-events',
    webSocket: { message: 'response.create', ignores: ['response.processed'] },
    body: ResponseRequest,
    response: z.looseObject({}),
    event: z.looseObject({ type: z.string() }),
  },
  health: {
    method: 'GET',
    path: '/v1/health',
    access: 'public',
    summary: 'Tells that the server runs.',
    response: z.looseObject({}),
  },
})

type SampleOperation<Request> = (request: Request, context: CallContext) => Promise<Reply<unknown, unknown>>

/** Answers the chat route. */
export type ChatOperation = SampleOperation<z.infer<typeof ChatCompletionRequest>>

/** Answers the route of responses, whose streams have named events. */
export type RespondOperation = SampleOperation<z.infer<typeof ResponseRequest>>

/** The parts of the application that a test may choose. */
export interface SampleOptions {
  readonly chat?: ChatOperation
  readonly respond?: RespondOperation
  readonly server?: HttpServerSettings
  readonly log?: Log
  readonly ready?: () => boolean
}

/** The application, and what it has told about finished requests. */
export interface SampleApp extends AsyncDisposable {
  readonly app: HttpApp
  readonly finished: readonly FinishedRequest[]
  /** Opens a free port; the URL of it. */
  listen(): Promise<string>
}

const clock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

/** Echoes the request and what of the context a test may want to see. */
const echo: SampleOperation<object> = (request, { principal, providerData, testId, requestId, rawBody, strict }) =>
  Promise.resolve(
    value({
      request,
      principal,
      providerData,
      testId: testId ?? null,
      requestId,
      rawLength: rawBody?.length ?? 0,
      strict: strict ?? null,
    }),
  )

/** Binds the routes. */
export function toSampleRoutes({ chat = echo, respond = echo }: SampleOptions = {}): readonly BoundRoute[] {
  const plain: Operation = (request: object) => Promise.resolve(value(request))
  const operations: Partial<Record<keyof typeof sampleApi, Operation>> = {
    chatCompletion: chat,
    createResponse: respond,
  }
  return (Object.keys(sampleApi) as (keyof typeof sampleApi)[]).map((name) => ({
    // the keys of a literal
    name,
    route: sampleApi[name],
    operation: operations[name] ?? plain,
    tag: 'sample',
  }))
}

/** Creates the application. */
export function createSampleApp(options: SampleOptions = {}): SampleApp {
  const finished: FinishedRequest[] = []
  const app = createHttpApp({
    routes: toSampleRoutes(options),
    server: options.server ?? {},
    log: options.log ?? silentLog,
    clock,
    ids: createIds(),
    openApi: { title: 'Sample', version: '1.0.0' },
    onFinished: (entry) => finished.push(entry),
    ...(options.ready !== undefined && { ready: options.ready }),
  })
  return {
    app,
    finished,
    async listen() {
      return (await app.listen({ port: 0 })).url
    },
    async [Symbol.asyncDispose]() {
      await app.close({ drainTimeoutMs: 0 })
    },
  }
}
