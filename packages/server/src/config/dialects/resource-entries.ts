/** Registered models and the other resources: which of them can be had with the providers that start. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { findNearest } from '../../kernel/nearest.ts'
import type { ConfigPath } from '../config-path.ts'
import { anyMap, nameText, optional } from '../file-values.ts'
import type { ConfiguredModel } from '../stack-config.ts'
import { servesApi } from './dialect-input.ts'
import type { DialectInput } from './dialect-input.ts'
import { absentKey } from './provider-entries.ts'
import type { ReadProviders } from './provider-entries.ts'

/** A registered model as it is written. */
export const ModelEntry = lateSchema(() =>
  z.strictObject({
    model_id: nameText,
    provider_id: optional(nameText),
    provider_model_id: optional(nameText),
    model_type: optional(z.enum(['llm', 'embedding', 'rerank'])),
    metadata: optional(z.record(z.string(), z.json())),
  }),
)
export type ModelEntry = z.infer<typeof ModelEntry>

/** A list of resources that are kept as they are. */
export const ResourceList = optional(z.array(anyMap))

/** The id that stands for the first provider that can serve. */
const ANY_PROVIDER = 'all'

/** Turns registered models into those that can be declared, and notes why the others cannot. */
export function readModels(
  block: { readonly entries: readonly ModelEntry[]; readonly path: ConfigPath },
  providers: ReadProviders,
  input: DialectInput,
): readonly ConfiguredModel[] {
  return block.entries.flatMap((entry, index) => {
    const path = [...block.path, index]
    return isReachable(entry, path, { providers, input }) ? [toModel(entry)] : []
  })
}

function toModel(entry: ModelEntry): ConfiguredModel {
  return {
    model_id: entry.model_id,
    ...(typeof entry.provider_id === 'string' ? { provider_id: entry.provider_id } : {}),
    ...(typeof entry.provider_model_id === 'string' ? { provider_model_id: entry.provider_model_id } : {}),
    model_type: entry.model_type ?? 'llm',
    metadata: entry.metadata ?? {},
  }
}

interface Surroundings {
  readonly providers: ReadProviders
  readonly input: DialectInput
}

function isReachable(entry: ModelEntry, path: ConfigPath, { providers, input }: Surroundings): boolean {
  const { model_id: model, provider_id: provider } = entry
  if (provider === undefined || provider === ANY_PROVIDER) return true
  if (provider === null || provider === '') {
    input.findings.note(path, { severity: 'info', message: `Model '${model}' is off: its provider is off.` })
    return false
  }
  const ids = providers.started.filter(({ api }) => api === 'inference').map(({ id }) => id)
  if (ids.includes(provider)) return true
  const why = providers.absent.get(absentKey('inference', provider))
  if (why === undefined) {
    const nearest = findNearest(provider, ids)
    input.findings.fault([...path, 'provider_id'], {
      problem: `Model '${model}' names the provider '${provider}', which is not configured.`,
      fix: `${nearest === undefined ? '' : `Did you mean '${nearest}'? `}Inference providers: ${ids.join(', ') || 'none'}.`,
    })
    return false
  }
  input.findings.note(
    path,
    why === 'off'
      ? { severity: 'info', message: `Model '${model}' is off: its provider '${provider}' is off.` }
      : { severity: 'unsupported', message: `Model '${model}' cannot be served: its provider '${provider}' is not.` },
  )
  return false
}

/** Resources of one API, as a file lists them. */
export interface ResourceBlock {
  readonly entries: readonly Record<string, unknown>[]
  readonly path: ConfigPath
  readonly api: string
  /** Given where a resource is of no use without its provider. */
  readonly providers?: ReadProviders
}

/** Keeps resources of another API. Those whose provider is off are left out, as upstream does. */
export function keepResources(block: ResourceBlock, input: DialectInput): Record<string, unknown>[] {
  const kept = block.entries.filter((entry, index) => {
    const { provider_id: provider } = entry
    const absent =
      typeof provider === 'string' ? block.providers?.absent.get(absentKey(block.api, provider)) : undefined
    const isOff = provider === null || provider === '' || absent === 'off'
    if (isOff) input.findings.note([...block.path, index], { severity: 'info', message: 'Off: its provider is off.' })
    if (absent === 'unsupported') {
      input.findings.note([...block.path, index], {
        severity: 'unsupported',
        message: `It cannot be served: its provider '${String(provider)}' is not.`,
      })
    }
    return !isOff && absent === undefined
  })
  if (kept.length > 0 && !servesApi(input, block.api)) {
    input.findings.note(block.path, {
      severity: 'unsupported',
      message: `${kept.length} of ${block.path.join('.')} kept, not served: this version has no ${block.api} providers yet.`,
      target: 'key',
    })
  }
  return kept
}
