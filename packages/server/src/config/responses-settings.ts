/** The bounds of every response: the settings of the block `responses`. */
import { z } from 'zod'
import { lateSchema } from '../kernel/late-schema.ts'

/** What a configuration without the block has. */
export const defaultResponses = Object.freeze({ maxTurns: 100, compaction: Object.freeze({}) })

/** The longest time that a timer takes. */
export const MAX_TIME_MS = 2_147_483_647

/** How conversations are summarised. */
export const CompactionSettings = lateSchema(() =>
  z.strictObject({
    /** What the model is told after the conversation. */
    summarizationPrompt: z.string().min(1).exactOptional(),
    /** Put before the summary where a model is told it. Absent: nothing. */
    summaryPrefix: z.string().exactOptional(),
    /** Who summarises. Absent: the model of the request. */
    summarizationModel: z.string().min(1).exactOptional(),
    /** Of automatic compaction, in tokens, where the request names none. Absent: four fifths of the model's context. */
    defaultCompactThreshold: z.int().min(1).exactOptional(),
  }),
)
export type CompactionSettings = z.infer<typeof CompactionSettings>

/** Each setting that the block leaves out has its default. */
export const ResponsesSettings = lateSchema(() =>
  z.strictObject({
    /** How often the model may be called for one response, whatever the request wants. */
    maxTurns: z.int().min(1).default(defaultResponses.maxTurns),
    /** How long one response may take, restarts included; it ends as incomplete then. Absent: as long as it needs. */
    maxTimeMs: z.int().min(1).max(MAX_TIME_MS).exactOptional(),
    /** Whether calls of MCP tools need an approval where a request does not say. Absent: what the file's dialect means. */
    requireApproval: z.enum(['always', 'never']).exactOptional(),
    /** In a file: `compaction_config` of OGX's responses provider. */
    compaction: CompactionSettings.default(() => ({})),
  }),
)
export type ResponsesSettings = z.infer<typeof ResponsesSettings>
