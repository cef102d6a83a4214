/** The tools that a response may use: OpenAI's fifteen kinds with their aliases, and the choice among them. */
import * as z from 'zod'

export const FunctionTool = z
  .looseObject({
    type: z.literal('function'),
    name: z.string().min(1),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish().describe('A JSON Schema; it passes through untouched.'),
    strict: z.boolean().nullish(),
    defer_loading: z.boolean().nullish(),
  })
  .meta({ id: 'FunctionTool' })
export type FunctionTool = z.infer<typeof FunctionTool>

export const CustomTool = z
  .looseObject({
    type: z.literal('custom'),
    name: z.string().min(1),
    description: z.string().nullish(),
    format: z
      .discriminatedUnion('type', [
        z.looseObject({ type: z.literal('text') }),
        z.looseObject({ type: z.literal('grammar'), syntax: z.enum(['lark', 'regex']), definition: z.string() }),
      ])
      .nullish(),
    defer_loading: z.boolean().nullish(),
  })
  .meta({ id: 'CustomTool' })
export type CustomTool = z.infer<typeof CustomTool>

const ComparisonFilter = z.looseObject({
  type: z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin']),
  key: z.string(),
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]),
})

/** A filter over the attributes of files. What stands inside `and` and `or` is read where it is applied. */
export const FileSearchFilter = z
  .discriminatedUnion('type', [
    ComparisonFilter,
    z.looseObject({ type: z.enum(['and', 'or']), filters: z.array(z.looseObject({ type: z.string() })) }),
  ])
  .meta({ id: 'FileSearchFilter' })
export type FileSearchFilter = z.infer<typeof FileSearchFilter>

export const RankingOptions = z
  .looseObject({
    ranker: z.string().nullish(),
    score_threshold: z.number().nullish(),
    hybrid_search: z.looseObject({ embedding_weight: z.number(), text_weight: z.number() }).nullish(),
    alpha: z.number().min(0).max(1).nullish(),
    impact_factor: z.number().min(0).nullish(),
    weights: z.record(z.string(), z.number()).nullish(),
    model: z.string().nullish().describe('A rerank model.'),
  })
  .meta({ id: 'RankingOptions' })
export type RankingOptions = z.infer<typeof RankingOptions>

export const FileSearchTool = z
  .looseObject({
    type: z.literal('file_search'),
    vector_store_ids: z.array(z.string()),
    filters: FileSearchFilter.nullish(),
    max_num_results: z.int().min(1).max(50).nullish().describe('Default: 10.'),
    ranking_options: RankingOptions.nullish(),
  })
  .meta({ id: 'FileSearchTool' })
export type FileSearchTool = z.infer<typeof FileSearchTool>

export const UserLocation = z.looseObject({
  type: z.literal('approximate').nullish(),
  country: z.string().nullish().describe('Two letters, as in `DE`.'),
  region: z.string().nullish(),
  city: z.string().nullish(),
  timezone: z.string().nullish().describe('As in `Europe/Berlin`.'),
})
export type UserLocation = z.infer<typeof UserLocation>

export const WebSearchTool = z
  .looseObject({
    type: z.enum(['web_search', 'web_search_2025_08_26', 'web_search_preview', 'web_search_preview_2025_03_11']),
    filters: z.looseObject({ allowed_domains: z.array(z.string()).nullish() }).nullish(),
    user_location: UserLocation.nullish(),
    search_context_size: z.enum(['low', 'medium', 'high']).nullish().describe('Default: medium.'),
    search_content_types: z.array(z.enum(['text', 'image'])).nullish(),
  })
  .meta({ id: 'WebSearchTool' })
export type WebSearchTool = z.infer<typeof WebSearchTool>

/** Which tools of a server a rule is about. */
export const McpToolFilter = z.looseObject({
  tool_names: z.array(z.string()).nullish(),
  read_only: z.boolean().nullish().describe('The tools that their server marks as only reading.'),
})
export type McpToolFilter = z.infer<typeof McpToolFilter>

// OpenAI has a filter here, OGX a list of names.
const ApprovalRule = z.union([z.array(z.string()), McpToolFilter]).nullish()

export const McpTool = z
  .looseObject({
    type: z.literal('mcp'),
    server_label: z.string().min(1),
    server_url: z.string().nullish(),
    connector_id: z.string().nullish().describe('A configured connector, in place of `server_url`.'),
    server_description: z.string().nullish(),
    headers: z.record(z.string(), z.string()).nullish(),
    authorization: z.string().nullish().describe('An access token; it is sent as `Authorization: Bearer`.'),
    allowed_tools: z.union([z.array(z.string()), McpToolFilter]).nullish(),
    require_approval: z
      .union([z.enum(['always', 'never']), z.looseObject({ always: ApprovalRule, never: ApprovalRule })])
      .nullish(),
    defer_loading: z.boolean().nullish(),
  })
  .meta({ id: 'McpTool' })
export type McpTool = z.infer<typeof McpTool>

/** A group of functions and custom tools under one name. */
export const NamespaceTool = z
  .looseObject({
    type: z.literal('namespace'),
    name: z.string().min(1),
    description: z.string(),
    tools: z.array(z.discriminatedUnion('type', [FunctionTool, CustomTool])).min(1),
  })
  .meta({ id: 'NamespaceTool' })
export type NamespaceTool = z.infer<typeof NamespaceTool>

/** Any tool of a request. */
export const ResponseTool = z
  .discriminatedUnion('type', [
    FunctionTool,
    CustomTool,
    NamespaceTool,
    WebSearchTool,
    FileSearchTool,
    McpTool,
    z.looseObject({
      type: z.literal('code_interpreter'),
      container: z.union([z.string(), z.looseObject({ type: z.literal('auto') })]).nullish(),
    }),
    z.looseObject({ type: z.literal('image_generation'), model: z.string().nullish() }),
    z.looseObject({ type: z.literal('computer') }),
    z.looseObject({
      type: z.literal('computer_use_preview'),
      environment: z.enum(['windows', 'mac', 'linux', 'ubuntu', 'browser']),
      display_width: z.int(),
      display_height: z.int(),
    }),
    z.looseObject({ type: z.literal('local_shell') }),
    z.looseObject({ type: z.literal('shell'), environment: z.looseObject({ type: z.string() }).nullish() }),
    z.looseObject({ type: z.literal('apply_patch') }),
    z.looseObject({
      type: z.literal('tool_search'),
      execution: z.enum(['server', 'client']).nullish(),
      description: z.string().nullish(),
      parameters: z.record(z.string(), z.unknown()).nullish(),
    }),
  ])
  .meta({ id: 'ResponseTool' })
export type ResponseTool = z.infer<typeof ResponseTool>

/** Which tools the model may or must use. */
export const ResponseToolChoice = z
  .union([
    z.enum(['none', 'auto', 'required']),
    z.discriminatedUnion('type', [
      z.looseObject({
        type: z.literal('allowed_tools'),
        mode: z.enum(['auto', 'required']),
        tools: z.array(z.looseObject({ type: z.string() })),
      }),
      z.looseObject({ type: z.literal('function'), name: z.string() }),
      z.looseObject({ type: z.literal('custom'), name: z.string() }),
      z.looseObject({ type: z.literal('mcp'), server_label: z.string(), name: z.string().nullish() }),
      z.looseObject({
        type: z.enum([
          'file_search',
          'web_search',
          'web_search_2025_08_26',
          'web_search_preview',
          'web_search_preview_2025_03_11',
          'computer',
          'computer_use',
          'computer_use_preview',
          'image_generation',
          'code_interpreter',
          'shell',
          'apply_patch',
        ]),
      }),
    ]),
  ])
  .meta({ id: 'ResponseToolChoice' })
export type ResponseToolChoice = z.infer<typeof ResponseToolChoice>
