/** The models of a running server, whichever generation it is of. */
import { FactSource, ModelFacts, StackError } from '@llama-stack/api'
import type { SourcedFacts } from '@llama-stack/api'
import type { ServerClient } from './server-client.ts'
import { isRecord } from '../kernel/json-record.ts'

/** A model as the command line prints it; the keys of `--json`. */
export interface ServerModel {
  readonly id: string
  readonly type: string
  readonly providerId: string
  /** The provider's own name for it. */
  readonly resourceId: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** What is known of it; servers of upstream know little. */
  readonly facts: SourcedFacts['facts']
  readonly sources: SourcedFacts['sources']
}

/** Lists what the server offers. */
export async function listModels(client: ServerClient): Promise<readonly ServerModel[]> {
  const reply = await client.get('/v1/models')
  const data = isRecord(reply) ? reply['data'] : undefined
  if (!Array.isArray(data)) throw notAStack('/v1/models')
  return data.map(toServerModel)
}

/** What trying a model out has shown. */
export interface ServerProbe {
  readonly model: ServerModel
  readonly probes: Readonly<Record<string, { readonly supported: boolean; readonly evidence: string }>>
}

/** Has the server try a model out. */
export async function probeModel(client: ServerClient, id: string): Promise<ServerProbe> {
  const path = `/v1alpha/admin/models/${toPath(id)}/probe`
  const reply = await client.post(path, {})
  if (!isRecord(reply) || !isRecord(reply['probes'])) throw notAStack(path)
  const probes = Object.entries(reply['probes']).map(([name, probe]) => {
    const { supported, evidence } = isRecord(probe) ? probe : {}
    return [name, { supported: supported === true, evidence: String(evidence) }] as const
  })
  return { model: toServerModel(reply['model']), probes: Object.fromEntries(probes) }
}

/** Fetches one model. A model that the server does not know is its `model_not_found`. */
export async function getModel(client: ServerClient, id: string): Promise<ServerModel> {
  return toServerModel(await client.get(`/v1/models/${toPath(id)}`))
}

function toPath(id: string): string {
  return id.split('/').map(encodeURIComponent).join('/')
}

/** OGX puts what it adds to OpenAI's object under `custom_metadata`; Llama Stack has it at the top. */
function toServerModel(value: unknown): ServerModel {
  if (!isRecord(value)) throw notAStack('/v1/models')
  const custom = isRecord(value['custom_metadata']) ? value['custom_metadata'] : {}
  const text = (...candidates: unknown[]): string => candidates.find((candidate) => typeof candidate === 'string') ?? ''
  const { model_type: _type, provider_id: _provider, provider_resource_id: _resource, ...rest } = custom
  return {
    id: text(value['id'], value['identifier']),
    type: text(custom['model_type'], value['model_type']),
    providerId: text(custom['provider_id'], value['provider_id'], value['owned_by']),
    resourceId: text(custom['provider_resource_id'], value['provider_resource_id'], value['id']),
    metadata: isRecord(value['metadata']) ? value['metadata'] : rest,
    ...readFacts(custom),
  }
}

/** Another generation may have something else under these names: that is no fact. */
function readFacts(custom: Readonly<Record<string, unknown>>): SourcedFacts {
  const told = Object.entries(ModelFacts.shape).flatMap(([name, schema]) => {
    const parsed = schema.safeParse(custom[name])
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data] as const] : []
  })
  const facts = ModelFacts.parse(Object.fromEntries(told))
  const named = isRecord(custom['fact_sources']) ? custom['fact_sources'] : {}
  const sources = Object.entries(named).flatMap(([name, source]) => {
    const parsed = FactSource.safeParse(source)
    return parsed.success && name in facts ? [[name, parsed.data] as const] : []
  })
  return { facts, sources: Object.fromEntries(sources) }
}

function notAStack(path: string): StackError {
  return new StackError('command_usage', {
    problem: `What answers there is no Llama Stack: its ${path} has another shape.`,
    fix: 'Check --url; llama run starts a server.',
  })
}
