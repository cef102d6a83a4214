/** The models that a project can use: the list says which, the public specifications say what they are. */
import type { Json, ModelType, ProviderCall, ProviderModel, RecordingKey, UpstreamRequest } from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import { findAt, findText } from './_json-shape.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

const TIMEOUT_MS = 30_000
/** The most that IBM gives in one page; there are about half as many models. */
const SPECIFICATIONS = '/foundation_model_specs'
const PAGE = 200

/** Metadata by the field of `model_limits` that has it. */
const LIMITS = {
  context_length: 'max_sequence_length',
  max_output_tokens: 'max_output_tokens',
  embedding_dimension: 'embedding_dimension',
} as const

/** For whom is listed. */
export interface ListedFor {
  readonly call: ProviderCall
  readonly project: string | undefined
  /** Specifications are no part of recordings: in a replay every model is an `llm`, as nothing says otherwise. */
  readonly replaying: boolean
}

/** Lists the models; undefined where no key is there for asking. */
export async function listWatsonxModels(
  context: ProtocolContext,
  listed: ListedFor,
): Promise<readonly ProviderModel[] | undefined> {
  const { call, project, replaying } = listed
  if (context.settings.skip_model_availability === true || context.targets.find(call) === undefined) return undefined
  const target = await context.locate(call)
  const forProject = project === undefined ? '' : `&project_id=${encodeURIComponent(project)}`
  const get = async (path: string, recording?: RecordingKey): Promise<readonly unknown[]> => {
    const request = { ...toRequest(context, target, call), url: target.baseUrl + path, ...(recording && { recording }) }
    const reply = await readJson(
      context.id,
      await expectSuccess(context.id, await context.send(request, { target, call })),
    )
    const rows = findAt(reply, 'data') ?? findAt(reply, 'resources')
    return Array.isArray(rows) ? rows : []
  }
  const [rows, specifications] = await Promise.all([
    get(`/models${target.query}${forProject}`, toRecording(target, listed)),
    replaying ? [] : get(`${SPECIFICATIONS}${target.query}&limit=${PAGE}`),
  ])
  const specified = new Map(specifications.map((one) => [findAt(one, 'model_id'), one]))
  const allowed = context.settings.allowed_models ?? undefined
  return rows.flatMap((row) => {
    const id = findText(findAt(row, 'id'))
    if (id === undefined || allowed?.includes(id) === false) return []
    return toModel(id, specified.get(id)) ?? []
  })
}

type Unaddressed = Omit<UpstreamRequest, 'url'>

function toRequest(context: ProtocolContext, target: CallTarget, call: ProviderCall): Unaddressed {
  return {
    method: 'GET',
    headers: target.headers,
    chosenBy: target.chosenBy,
    provider: context.id,
    signal: call.signal,
    headersTimeoutMs: TIMEOUT_MS,
    idleTimeoutMs: TIMEOUT_MS,
  }
}

/** As upstream's SDK is asked. */
function toRecording({ baseUrl }: CallTarget, { call, project }: ListedFor): RecordingKey {
  const body = project === undefined ? {} : { extra_query: { project_id: project } }
  return { kind: 'inference', baseUrl, endpoint: '/v1/models', body, testId: call.testId ?? null }
}

/** Undefined for a model that none of our operations can call, such as a forecaster of time series. */
function toModel(id: string, specification: unknown): ProviderModel | undefined {
  const type = specification === undefined ? 'llm' : toType(findAt(specification, 'functions'))
  if (type === undefined) return undefined
  const metadata: Record<string, Json> = {}
  for (const [name, field] of Object.entries(LIMITS)) {
    const limit = findAt(specification, `model_limits.${field}`)
    if (typeof limit === 'number') metadata[name] = limit
  }
  return { id, type, metadata }
}

function toType(functions: unknown): ModelType | undefined {
  const named = Array.isArray(functions) ? functions.map((one: unknown) => String(findAt(one, 'id'))) : []
  if (named.includes('embedding')) return 'embedding'
  if (named.includes('rerank')) return 'rerank'
  return named.some((name) => name === 'text_chat' || name === 'text_generation') ? 'llm' : undefined
}
