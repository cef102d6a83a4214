/** The models of a running server, whichever generation it is of. */
import { StackError } from '@llama-stack/api'
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
}

/** Lists what the server offers. */
export async function listModels(client: ServerClient): Promise<readonly ServerModel[]> {
  const reply = await client.get('/v1/models')
  const data = isRecord(reply) ? reply['data'] : undefined
  if (!Array.isArray(data)) throw notAStack('/v1/models')
  return data.map(toServerModel)
}

/** Fetches one model. A model that the server does not know is its `model_not_found`. */
export async function getModel(client: ServerClient, id: string): Promise<ServerModel> {
  return toServerModel(await client.get(`/v1/models/${id.split('/').map(encodeURIComponent).join('/')}`))
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
  }
}

function notAStack(path: string): StackError {
  return new StackError('command_usage', {
    problem: `What answers there is no Llama Stack: its ${path} has another shape.`,
    fix: 'Check --url; llama run starts a server.',
  })
}
