/** What happens when somebody registers a model: the vendor is asked for it, and may have to fetch it first. */
import { isStackError, StackError } from '@llama-stack/api'
import type { AdoptedModel, ProviderCall } from '@llama-stack/api'
import { readJsonLines } from './_json-lines.ts'
import { listModels } from './_model-list.ts'
import type { ProtocolContext } from './_protocol-context.ts'
import { toRoot } from './_provider-settings.ts'
import { expectSuccess } from './_vendor-reply.ts'

/** The id to call the model with. Throws `invalid_value` where the vendor does not have it and cannot fetch it. */
export async function adoptModel(context: ProtocolContext, model: AdoptedModel, call: ProviderCall): Promise<string> {
  const { defaultTag = '', pull } = context.dialect
  // A recorded call has the id that was registered; nothing may be asked beside it.
  if (!context.live || (!model.validate && pull === undefined)) return model.id
  const known = await findKnown(context, model, call)
  if (known === undefined || known.has(model.id)) return model.id
  if (known.has(model.id + defaultTag)) return model.id + defaultTag
  if (pull?.types.includes(model.type) === true) {
    await pullModel(context, { path: pull.path, model: model.id }, call)
    return model.id
  }
  throw new StackError('invalid_value', {
    param: 'provider_model_id',
    problem: `the provider '${context.id}' has no such model`,
    value: JSON.stringify(model.id),
    fix: pull === undefined ? 'Choose one that it lists.' : `Fetch it first: llama models pull ${model.id}`,
  })
}

/** Ids of the vendor's models; undefined where it cannot be asked, which only a caller who wants it checked must know. */
async function findKnown(
  context: ProtocolContext,
  { id, validate }: AdoptedModel,
  call: ProviderCall,
): Promise<ReadonlySet<string> | undefined> {
  context.expectAllowed(id)
  try {
    const listed = await listModels(context, call)
    return listed && new Set(listed.map((model) => model.id))
  } catch (error) {
    if (!isStackError(error) || validate || call.signal.aborted) throw error
    context.log.warn('registered without asking for it', { model: id, reason: error.message })
    return undefined
  }
}

interface Pull {
  readonly path: string
  readonly model: string
}

/** Layers are verified and written without a word; nothing at all for so long means that the server hangs. */
const PULL_SILENCE_MS = 600_000

async function pullModel(context: ProtocolContext, { path, model }: Pull, call: ProviderCall): Promise<void> {
  const target = await context.locate(call)
  context.log.info('fetching a model', { model })
  const response = await context.send(
    {
      method: 'POST',
      url: toRoot(context.dialect, target.baseUrl) + path,
      headers: target.headers,
      body: JSON.stringify({ model }),
      chosenBy: target.chosenBy,
      provider: context.id,
      signal: call.signal,
      headersTimeoutMs: PULL_SILENCE_MS,
      idleTimeoutMs: PULL_SILENCE_MS,
    },
    { target, call },
  )
  const { body } = await expectSuccess(context.id, response)
  const failed = (reason: string): StackError => new StackError('provider_internal', { provider: context.id, reason })
  await new Promise<void>((resolve, reject) => {
    let last: unknown
    readJsonLines(body, context.id, {
      line({ status, error }) {
        last = status
        if (error !== undefined) reject(failed(`it cannot fetch ${model}: ${JSON.stringify(error)}`))
      },
      end() {
        if (last === 'success') resolve()
        else reject(failed(`it stopped fetching ${model} after: ${String(last)}`))
      },
      fail: reject,
    })
  })
  context.log.info('fetched a model', { model })
}
