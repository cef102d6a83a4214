/** Reads `compaction_config` of the second dialect's responses provider. */
import { StackError } from '@llama-stack/api'
import * as z from 'zod'
import { parseOnce } from '../../../kernel/parse-once.ts'
import type { CompactionSettings } from './summary-request.ts'

const CompactionConfig = z.object({
  summarization_prompt: z.string().min(1).nullish(),
  summary_prefix: z.string().nullish(),
  summarization_model: z.string().min(1).nullish(),
  default_compact_threshold: z.int().min(1).nullish(),
  // Models are counted with their own tokenizers.
  tokenizer_encoding: z.string().nullish(),
})

/** Throws `config_invalid`. Nothing configured: the defaults. */
export function readCompactionSettings(config: unknown): CompactionSettings {
  if (config === undefined || config === null) return {}
  const read = CompactionConfig.safeParse(config, parseOnce)
  if (!read.success) {
    const [issue] = read.error.issues
    throw new StackError('config_invalid', {
      file: 'the configuration',
      problem: `compaction_config.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it cannot be read'}.`,
      fix: 'See docs/responses.md for its keys.',
    })
  }
  const { data } = read
  return {
    summarizationPrompt: data.summarization_prompt ?? undefined,
    summaryPrefix: data.summary_prefix ?? undefined,
    summarizationModel: data.summarization_model ?? undefined,
    defaultCompactThreshold: data.default_compact_threshold ?? undefined,
  }
}
