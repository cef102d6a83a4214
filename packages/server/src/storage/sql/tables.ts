/** The tables as the query builder sees them, after the last migration. */
import type { Generated } from 'kysely'

interface ChatCompletionsTable {
  seq: Generated<number>
  owner: string
  /** As the vendor gave it; several rows may have the same. */
  id: string
  /** 0 or 1. */
  deleted: number
  created_at_ms: number
  model: string
  /** JSON. */
  metadata: string | null
  reply_format: string
  request: Uint8Array
  reply: Uint8Array
}

interface ModelsTable {
  seq: Generated<number>
  owner: string
  model_id: string
  provider_id: string
  provider_model_id: string
  model_type: string
  /** JSON. */
  metadata: string
  created_at_ms: number
}

interface RequestLogTable {
  seq: Generated<number>
  owner: string
  request_id: string
  started_at_ms: number
  operation: string | null
  route: string | null
  method: string
  path: string
  status: number
  error_code: string | null
  model: string | null
  provider_id: string | null
  provider_model: string | null
  /** 0 or 1. */
  streamed: number
  /** 0 or 1. */
  demo: number
  input_tokens: number | null
  output_tokens: number | null
  total_tokens: number | null
  first_byte_ms: number | null
  duration_ms: number
  /** The duration of the only attempt, where the row says the rest of it. */
  attempt_ms: number | null
  /** JSON, where there were several or one that the row doesn't describe. */
  attempts: string | null
  client: string | null
  /** 0 or 1. */
  cached: number
  /** JSON, where there are any. */
  adjustments: string | null
}

interface ResponseCacheTable {
  seq: Generated<number>
  owner: string
  key: string
  operation: string
  model: string
  format: string
  created_at_ms: number
  expires_at_ms: number
  used_at_ms: number
  size_bytes: number
  /** JSON. */
  origin: string
  body: Uint8Array
}

interface ModelProbesTable {
  owner: string
  provider_id: string
  provider_model_id: string
  /** JSON. */
  facts: string
  probed_at_ms: number
}

/** Every table by its name. */
export interface Tables {
  chat_completions: ChatCompletionsTable
  model_probes: ModelProbesTable
  models: ModelsTable
  request_log: RequestLogTable
  response_cache: ResponseCacheTable
}
