/** What the loop itself produces and reads: reasoning, compaction, calls of tools and their outputs. */
import * as z from 'zod'
import { ReasoningText, SummaryText, ToolOutput } from './content.ts'
import { ItemStatus } from './message-items.ts'

export const ReasoningItem = z
  .looseObject({
    type: z.literal('reasoning'),
    id: z.string(),
    summary: z.array(SummaryText),
    content: z.array(ReasoningText).optional(),
    encrypted_content: z.string().nullish(),
    status: ItemStatus.optional(),
  })
  .meta({ id: 'ReasoningItem' })
export type ReasoningItem = z.infer<typeof ReasoningItem>

export const CompactionItem = z
  .looseObject({ type: z.literal('compaction'), id: z.string(), encrypted_content: z.string() })
  .meta({ id: 'CompactionItem' })
export type CompactionItem = z.infer<typeof CompactionItem>

export const FunctionCall = z
  .looseObject({
    type: z.literal('function_call'),
    id: z.string(),
    call_id: z.string(),
    name: z.string(),
    namespace: z.string().nullish(),
    arguments: z.string().describe('JSON, as the model wrote it.'),
    status: ItemStatus,
  })
  .meta({ id: 'FunctionCall' })
export type FunctionCall = z.infer<typeof FunctionCall>

export const FunctionCallOutput = z
  .looseObject({
    type: z.literal('function_call_output'),
    id: z.string(),
    call_id: z.string(),
    output: ToolOutput,
    status: ItemStatus,
  })
  .meta({ id: 'FunctionCallOutput' })
export type FunctionCallOutput = z.infer<typeof FunctionCallOutput>

export const CustomToolCall = z
  .looseObject({
    type: z.literal('custom_tool_call'),
    id: z.string(),
    call_id: z.string(),
    name: z.string(),
    namespace: z.string().nullish(),
    input: z.string(),
    status: ItemStatus.optional(),
  })
  .meta({ id: 'CustomToolCall' })
export type CustomToolCall = z.infer<typeof CustomToolCall>

export const CustomToolCallOutput = z
  .looseObject({
    type: z.literal('custom_tool_call_output'),
    id: z.string(),
    call_id: z.string(),
    output: ToolOutput,
    status: ItemStatus.optional(),
  })
  .meta({ id: 'CustomToolCallOutput' })
export type CustomToolCallOutput = z.infer<typeof CustomToolCallOutput>

export const FileSearchCall = z
  .looseObject({
    type: z.literal('file_search_call'),
    id: z.string(),
    status: z.enum(['in_progress', 'searching', 'completed', 'incomplete', 'failed']),
    queries: z.array(z.string()),
    results: z
      .array(
        z.looseObject({
          file_id: z.string().optional(),
          filename: z.string().optional(),
          text: z.string().optional(),
          score: z.number().optional(),
          attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).nullish(),
        }),
      )
      .nullish(),
  })
  .meta({ id: 'FileSearchCall' })
export type FileSearchCall = z.infer<typeof FileSearchCall>

export const WebSearchAction = z.discriminatedUnion('type', [
  z.looseObject({
    type: z.literal('search'),
    query: z.string(),
    queries: z.array(z.string()).optional(),
    sources: z.array(z.looseObject({ type: z.literal('url'), url: z.string() })).optional(),
  }),
  z.looseObject({ type: z.literal('open_page'), url: z.string().nullish() }),
  z.looseObject({ type: z.literal('find_in_page'), url: z.string(), pattern: z.string() }),
])
export type WebSearchAction = z.infer<typeof WebSearchAction>

export const WebSearchCall = z
  .looseObject({
    type: z.literal('web_search_call'),
    id: z.string(),
    status: z.enum(['in_progress', 'searching', 'completed', 'failed']),
    action: WebSearchAction,
  })
  .meta({ id: 'WebSearchCall' })
export type WebSearchCall = z.infer<typeof WebSearchCall>
