/** `compaction_config` of OGX's responses provider, which this server has built in. */
import { z } from 'zod'
import { lateSchema } from '../../kernel/late-schema.ts'
import { optional, wholeNumber } from '../file-values.ts'
import { readBlock } from '../read-block.ts'
import type { CompactionSettings } from '../responses-settings.ts'
import type { DialectInput } from './dialect-input.ts'
import { present } from './present.ts'
import type { SharedBlocks } from './shared-blocks.ts'

const CompactionBlock = lateSchema(() =>
  z.strictObject({
    summarization_prompt: optional(z.string().min(1)),
    summary_prefix: optional(z.string()),
    summarization_model: optional(z.string().min(1)),
    default_compact_threshold: optional(wholeNumber.pipe(z.int().min(1))),
    tokenizer_encoding: optional(z.string()),
  }),
)

/** The settings of the provider that is on. Undefined: there are none, or their faults are with the findings. */
export function readCompaction(
  providers: SharedBlocks['providers'],
  { findings }: DialectInput,
): CompactionSettings | undefined {
  const entries = providers?.['responses'] ?? []
  const index = entries.findIndex(
    ({ provider_id: id, provider_type: type }) => id !== null && id !== '' && type === TYPE,
  )
  const value = entries[index]?.config?.['compaction_config']
  if (value === undefined || value === null) return undefined
  const path = ['providers', 'responses', index, 'config', 'compaction_config']
  const block = readBlock(CompactionBlock, { value, path }, findings)
  if (block === undefined) return undefined
  if (typeof block.tokenizer_encoding === 'string') {
    findings.note([...path, 'tokenizer_encoding'], {
      severity: 'substituted',
      message: 'tokenizer_encoding has no effect: the tokens of each model are counted by its own tokenizer.',
      fix: 'Nothing to do.',
      target: 'key',
    })
  }
  return present({
    summarizationPrompt: block.summarization_prompt,
    summaryPrefix: block.summary_prefix,
    summarizationModel: block.summarization_model,
    defaultCompactThreshold: block.default_compact_threshold,
  })
}

const TYPE = 'inline::builtin'
