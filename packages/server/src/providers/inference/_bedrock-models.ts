/** Which models an account may call, by the lists of Bedrock's control plane. */
import { isStackError } from '@llama-stack/api'
import type { Json, ModelType, ProviderCall, ProviderHealth, ProviderModel, RecordingKey } from '@llama-stack/api'
import { asRecord, isRecord } from '../../kernel/json-record.ts'
import type { BedrockContext } from './_bedrock-context.ts'
import { embeddingFacts } from './_bedrock-embedding-facts.ts'
import { toPlainModelId } from './_bedrock-families.ts'
import { OPENAI_PATH } from './_bedrock-settings.ts'
import { findText } from './_json-shape.ts'
import { readModalities } from './_told-facts.ts'
import { readJson } from './_vendor-reply.ts'

const MODELS_PATH = '/foundation-models'
const PROFILES_PATH = '/inference-profiles?maxResults=1000'
const LIST_TIMEOUT_MS = 30_000
const HEALTH_TIMEOUT_MS = 5000
/** An account has a few profiles of its own beside those of AWS. */
const MAX_PAGES = 20

type Row = Readonly<Record<string, unknown>>

/** Lists the models that can be called; undefined where nobody is there to ask as, or whoever it is may not list. */
export async function listBedrockModels(
  context: BedrockContext,
  call: ProviderCall,
): Promise<readonly ProviderModel[] | undefined> {
  const { settings, protocol } = context
  if (settings.skip_model_availability === true || protocol.targets.find(call) === undefined) return undefined
  const rows = await unlessForbidden(context, () => listRows(context, call))
  if (rows === undefined) return undefined
  const profiles = context.replaying ? undefined : await unlessForbidden(context, () => listProfiles(context, call))
  const known = new Map(rows.map((row) => [String(row['modelId']), row]))
  const found = [
    ...rows.filter(isCallable).map((row) => toModel(String(row['modelId']), row)),
    ...(profiles ?? []).map((profile) => toProfileModel(profile, known)),
  ].filter((model) => model !== undefined)
  const allowed = settings.allowed_models ?? undefined
  return found.filter(({ id }) => allowed === undefined || allowed.includes(id))
}

/** Asks for the shorter list with little patience. Who may not see it is let in all the same. */
export async function checkBedrockHealth(context: BedrockContext, call: ProviderCall): Promise<ProviderHealth> {
  try {
    const asking = { call, timeoutMs: HEALTH_TIMEOUT_MS }
    const response = await context.get('control', `${MODELS_PATH}?byOutputModality=EMBEDDING`, asking)
    response.body.cancel()
    return { status: 'OK' }
  } catch (error) {
    if (!isStackError(error)) throw error
    if (isForbidden(error)) return { status: 'OK', message: 'the credentials are good, but may not list models' }
    return { status: 'Error', message: error.message }
  }
}

function isForbidden(error: unknown): boolean {
  return isStackError(error, 'provider_authentication') && error.details.vendorCode === 'AccessDeniedException'
}

async function unlessForbidden<Value>(
  { id, log }: BedrockContext,
  list: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await list()
  } catch (error) {
    if (!isForbidden(error)) throw error
    log.info('the credentials may not list models; those of the configuration can be called', { provider: id })
    return undefined
  }
}

async function listRows(context: BedrockContext, call: ProviderCall): Promise<readonly Row[]> {
  const { id, plan } = context
  const baseUrl = plan.urls.runtime + OPENAI_PATH
  // The list as upstream recorded it: in OpenAI's shape.
  const recording: RecordingKey = {
    kind: 'inference',
    baseUrl,
    endpoint: '/v1/models',
    body: {},
    testId: call.testId ?? null,
  }
  const asking = { call, timeoutMs: LIST_TIMEOUT_MS, ...(context.replaying && { recording }) }
  const reply = asRecord(await readJson(id, await context.get('control', MODELS_PATH, asking)))
  const recorded = rowsOf(reply['data']).map((row) => ({ modelId: row['id'] }))
  return [...rowsOf(reply['modelSummaries']), ...recorded].filter((row) => findText(row['modelId']) !== undefined)
}

async function listProfiles(context: BedrockContext, call: ProviderCall): Promise<readonly Row[]> {
  const rows: Row[] = []
  let next = ''
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const asking = { call, timeoutMs: LIST_TIMEOUT_MS }
    // One page has the token of the next.
    // eslint-disable-next-line no-await-in-loop
    const reply = asRecord(await readJson(context.id, await context.get('control', PROFILES_PATH + next, asking)))
    rows.push(...rowsOf(reply['inferenceProfileSummaries']))
    const token = findText(reply['nextToken'])
    if (token === undefined) break
    next = `&nextToken=${encodeURIComponent(token)}`
  }
  return rows
}

function rowsOf(of: unknown): readonly Row[] {
  return Array.isArray(of) ? of.filter(isRecord) : []
}

/** Models without a price by the token are called through a profile, which has a row of its own. */
function isCallable(row: Row): boolean {
  const types = row['inferenceTypesSupported']
  const status = asRecord(row['modelLifecycle'])['status'] ?? 'ACTIVE'
  return status === 'ACTIVE' && (!Array.isArray(types) || types.includes('ON_DEMAND'))
}

/** Undefined for a model that none of our operations can call: pictures, films, and vectors of makers unknown here. */
function toModel(id: string, row: Row): ProviderModel | undefined {
  const type = toType(id, row)
  if (type === undefined) return undefined
  const metadata: Record<string, Json> = {}
  const inputs = readModalities(row['inputModalities'])
  const outputs = type === 'llm' ? readModalities(row['outputModalities']) : undefined
  if (inputs !== undefined) metadata['input_modalities'] = inputs
  if (outputs !== undefined) metadata['output_modalities'] = outputs
  const facts = type === 'embedding' ? embeddingFacts(id) : undefined
  if (facts !== undefined) {
    metadata['embedding_dimension'] = facts.dimension
    metadata['context_length'] = facts.contextLength
  }
  return { id, type, metadata }
}

function toType(id: string, row: Row): ModelType | undefined {
  if (toPlainModelId(id).includes('rerank')) return 'rerank'
  const outputs = row['outputModalities']
  if (embeddingFacts(id) !== undefined) return 'embedding'
  return !Array.isArray(outputs) || outputs.includes('TEXT') ? 'llm' : undefined
}

/** A profile is called by its id, or, if the account made it, by its ARN; what it can do its model tells. */
function toProfileModel(profile: Row, known: ReadonlyMap<string, Row>): ProviderModel | undefined {
  if ((profile['status'] ?? 'ACTIVE') !== 'ACTIVE') return undefined
  const id = findText(
    profile['type'] === 'APPLICATION' ? profile['inferenceProfileArn'] : profile['inferenceProfileId'],
  )
  const [first] = rowsOf(profile['models'])
  const model = toPlainModelId(findText(first?.['modelArn']) ?? '')
  return id === undefined ? undefined : toModel(id, { ...known.get(model), modelId: id })
}
