/**
 * Facts of well known models whose vendors do not tell them in their lists, as they were published on a day. A row is
 * looked up by {@link PublishedModel.names} without a date at their end; what is not certain, or depends on the length of
 * the prompt, is left out. `docs/reference/models.md` shows it.
 */
import type { Modality } from '@llama-stack/api'

/** Where rows were read, and when. */
export interface PublishedSource {
  readonly asOf: string
  readonly note: string
}

/** One model, as its vendor published it. */
export interface PublishedModel {
  /** The name of the vendor, the only one at whom the prices hold. */
  readonly vendor: string
  /** Others who serve the same model with the same limits. Default: nobody; who hosts open weights sets limits of its own. */
  readonly alsoAt?: readonly string[]
  /** In lower case, without a date at the end. */
  readonly names: readonly [string, ...string[]]
  readonly source: PublishedSource
  /** In tokens; `upTo` has the length that a request may ask for beyond it. */
  readonly context?: number
  readonly upTo?: number
  /** Whether its names are given to newer models in time, whose context may be longer. Default: false. */
  readonly moves?: boolean
  readonly maxOutput?: number
  readonly inputs?: readonly Modality[]
  readonly outputs?: readonly Modality[]
  readonly tools?: boolean
  readonly structuredOutput?: boolean
  readonly reasoning?: boolean
  /** Dollars for a million tokens: input, cached input where it has a price of its own, output. */
  readonly dollars?: readonly [input: number, cachedInput: number | undefined, output: number]
}

const TEXT = ['text'] as const
const IMAGE = ['text', 'image'] as const
const PDF = ['text', 'image', 'pdf'] as const
const ALL = ['text', 'image', 'audio', 'video', 'pdf'] as const

/** Where the vendor publishes it; read by way of models.dev, which collects these pages under a free licence. */
const from = (page: string): PublishedSource => ({ asOf: '2026-07-02', note: `${page}, by way of models.dev` })

const openai = {
  vendor: 'openai',
  source: from('developers.openai.com/api/docs/models'),
  outputs: TEXT,
  tools: true,
  structuredOutput: true,
} as const
const gpt4o = { ...openai, context: 128_000, maxOutput: 16_384, inputs: PDF, reasoning: false } as const
const gpt41 = { ...openai, context: 1_047_576, maxOutput: 32_768, inputs: PDF, reasoning: false } as const
const oSeries = { ...openai, context: 200_000, maxOutput: 100_000, inputs: IMAGE, reasoning: true } as const
const gpt5 = { ...openai, context: 400_000, maxOutput: 128_000, inputs: IMAGE, reasoning: true } as const
const gptClassic = { ...openai, structuredOutput: false, reasoning: false, maxOutput: 4096 } as const

const anthropic = {
  vendor: 'anthropic',
  alsoAt: ['bedrock', 'vertexai'],
  source: from('platform.claude.com/docs/en/about-claude/models'),
  context: 200_000,
  inputs: PDF,
  outputs: TEXT,
  tools: true,
} as const
const claude3 = { ...anthropic, inputs: IMAGE, maxOutput: 4096, reasoning: false } as const
const claude4 = { ...anthropic, maxOutput: 64_000, reasoning: true } as const

const gemini = {
  vendor: 'gemini',
  alsoAt: ['vertexai'],
  source: from('ai.google.dev/gemini-api/docs/models'),
  context: 1_048_576,
  maxOutput: 65_536,
  inputs: ALL,
  outputs: TEXT,
  tools: true,
  structuredOutput: true,
  reasoning: true,
} as const

const deepseek = {
  vendor: 'deepseek',
  source: from('api-docs.deepseek.com/quick_start/pricing'),
  context: 1_000_000,
  maxOutput: 384_000,
  inputs: TEXT,
  outputs: TEXT,
  tools: true,
} as const

const mistral = {
  vendor: 'mistral',
  source: from('mistral.ai/pricing'),
  inputs: IMAGE,
  outputs: TEXT,
  tools: true,
} as const

const groq = {
  vendor: 'groq',
  source: from('console.groq.com/docs/models'),
  context: 131_072,
  inputs: TEXT,
  outputs: TEXT,
  tools: true,
} as const

const perplexity = {
  vendor: 'perplexity',
  source: from('docs.perplexity.ai/getting-started/models'),
  moves: true,
  inputs: IMAGE,
  outputs: TEXT,
  tools: false,
} as const

/** Every row. The first that has a name counts. */
export const publishedModels: readonly PublishedModel[] = Object.freeze([
  { ...gpt4o, names: ['gpt-4o'], dollars: [2.5, 1.25, 10] },
  {
    ...gpt4o,
    names: ['gpt-4o-2024-05-13'],
    maxOutput: 4096,
    inputs: IMAGE,
    structuredOutput: false,
    dollars: [5, undefined, 15],
  },
  { ...gpt4o, names: ['gpt-4o-mini'], dollars: [0.15, 0.075, 0.6] },
  { ...gpt41, names: ['gpt-4.1'], dollars: [2, 0.5, 8] },
  { ...gpt41, names: ['gpt-4.1-mini'], dollars: [0.4, 0.1, 1.6] },
  { ...gpt41, names: ['gpt-4.1-nano'], inputs: IMAGE, dollars: [0.1, 0.025, 0.4] },
  { ...oSeries, names: ['o1'], dollars: [15, 7.5, 60] },
  { ...oSeries, names: ['o1-pro'], dollars: [150, undefined, 600] },
  { ...oSeries, names: ['o3'], dollars: [2, 0.5, 8] },
  { ...oSeries, names: ['o3-mini'], inputs: TEXT, dollars: [1.1, 0.55, 4.4] },
  { ...oSeries, names: ['o3-pro'], dollars: [20, undefined, 80] },
  { ...oSeries, names: ['o4-mini'], dollars: [1.1, 0.275, 4.4] },
  { ...gpt5, names: ['gpt-5'], dollars: [1.25, 0.125, 10] },
  { ...gpt5, names: ['gpt-5-mini'], dollars: [0.25, 0.025, 2] },
  { ...gpt5, names: ['gpt-5-nano'], dollars: [0.05, 0.005, 0.4] },
  { ...gpt5, names: ['gpt-5-codex'], dollars: [1.25, 0.125, 10] },
  { ...gpt5, names: ['gpt-5-pro'], maxOutput: 272_000, dollars: [15, undefined, 120] },
  { ...gpt5, names: ['gpt-5.1', 'gpt-5.1-codex', 'gpt-5.1-codex-max'], dollars: [1.25, 0.125, 10] },
  { ...gpt5, names: ['gpt-5.2', 'gpt-5.2-codex'], dollars: [1.75, 0.175, 14] },
  { ...gpt5, names: ['gpt-5.4-mini'], dollars: [0.75, 0.075, 4.5] },
  { ...gpt5, names: ['gpt-5.4-nano'], dollars: [0.2, 0.02, 1.25] },
  // The price of a token doubles beyond a length of the prompt.
  { ...gpt5, names: ['gpt-5.4', 'gpt-5.5'], context: 1_050_000, inputs: PDF },
  { ...gptClassic, names: ['gpt-4-turbo'], context: 128_000, inputs: IMAGE, dollars: [10, undefined, 30] },
  { ...gptClassic, names: ['gpt-4'], context: 8192, maxOutput: 8192, inputs: TEXT, dollars: [30, undefined, 60] },
  { ...gptClassic, names: ['gpt-3.5-turbo'], context: 16_385, inputs: TEXT, dollars: [0.5, undefined, 1.5] },

  { ...claude3, names: ['claude-3-haiku'], dollars: [0.25, 0.03, 1.25] },
  { ...claude3, names: ['claude-3-opus'], dollars: [15, 1.5, 75] },
  { ...anthropic, names: ['claude-3-5-haiku'], maxOutput: 8192, reasoning: false, dollars: [0.8, 0.08, 4] },
  { ...anthropic, names: ['claude-3-5-sonnet'], maxOutput: 8192, reasoning: false, dollars: [3, 0.3, 15] },
  { ...claude4, names: ['claude-3-7-sonnet'], dollars: [3, 0.3, 15] },
  // Beyond 200,000 tokens, on request, every token costs more.
  { ...claude4, names: ['claude-sonnet-4', 'claude-sonnet-4-0', 'claude-sonnet-4-5'], upTo: 1_000_000 },
  { ...claude4, names: ['claude-haiku-4-5'], dollars: [1, 0.1, 5] },
  {
    ...claude4,
    names: ['claude-opus-4', 'claude-opus-4-0', 'claude-opus-4-1'],
    maxOutput: 32_000,
    dollars: [15, 1.5, 75],
  },
  { ...claude4, names: ['claude-opus-4-5'], dollars: [5, 0.5, 25] },
  {
    ...claude4,
    names: ['claude-opus-4-6', 'claude-opus-4-7', 'claude-opus-4-8'],
    context: 1_000_000,
    maxOutput: 128_000,
    dollars: [5, 0.5, 25],
  },
  { ...claude4, names: ['claude-sonnet-4-6'], context: 1_000_000, dollars: [3, 0.3, 15] },

  { ...gemini, names: ['gemini-2.0-flash'], maxOutput: 8192, reasoning: false },
  { ...gemini, names: ['gemini-2.0-flash-lite'], maxOutput: 8192, reasoning: false, dollars: [0.075, undefined, 0.3] },
  // Audio costs more than other input, and prompts of the large models cost more beyond a length.
  { ...gemini, names: ['gemini-2.5-flash', 'gemini-2.5-flash-lite', 'gemini-2.5-pro'] },
  { ...gemini, names: ['gemini-3-flash-preview', 'gemini-3-pro-preview', 'gemini-3.1-pro-preview'] },
  { ...gemini, names: ['gemini-3.1-flash-lite', 'gemini-3.5-flash'] },

  { ...deepseek, names: ['deepseek-chat'], moves: true, reasoning: false, dollars: [0.14, 0.0028, 0.28] },
  { ...deepseek, names: ['deepseek-reasoner'], moves: true, reasoning: true, dollars: [0.14, 0.0028, 0.28] },
  {
    ...deepseek,
    names: ['deepseek-v4-flash'],
    reasoning: true,
    structuredOutput: true,
    dollars: [0.14, 0.0028, 0.28],
  },
  {
    ...deepseek,
    names: ['deepseek-v4-pro'],
    reasoning: true,
    structuredOutput: true,
    dollars: [0.435, 0.003_625, 0.87],
  },

  { ...mistral, names: ['mistral-large-2411'], inputs: TEXT, reasoning: false, dollars: [2, undefined, 6] },
  { ...mistral, names: ['mistral-large-2512'], reasoning: false, dollars: [0.5, undefined, 1.5] },
  { ...mistral, names: ['mistral-medium-2505', 'mistral-medium-2508'], reasoning: false, dollars: [0.4, undefined, 2] },
  { ...mistral, names: ['mistral-small-2506'], reasoning: false, dollars: [0.1, undefined, 0.3] },
  { ...mistral, names: ['open-mistral-nemo'], inputs: TEXT, reasoning: false, dollars: [0.15, undefined, 0.15] },

  { ...groq, names: ['llama-3.1-8b-instant'], reasoning: false, dollars: [0.05, undefined, 0.08] },
  {
    ...groq,
    names: ['llama-3.3-70b-versatile'],
    maxOutput: 32_768,
    reasoning: false,
    dollars: [0.59, undefined, 0.79],
  },
  {
    ...groq,
    names: ['gpt-oss-120b'],
    maxOutput: 65_536,
    structuredOutput: true,
    reasoning: true,
    dollars: [0.15, 0.075, 0.6],
  },
  {
    ...groq,
    names: ['gpt-oss-20b'],
    maxOutput: 65_536,
    structuredOutput: true,
    reasoning: true,
    dollars: [0.075, 0.0375, 0.3],
  },

  // A request costs something beside its tokens.
  { ...perplexity, names: ['sonar'], inputs: TEXT, context: 128_000, reasoning: false },
  { ...perplexity, names: ['sonar-pro'], context: 200_000, maxOutput: 8192, reasoning: false },
  { ...perplexity, names: ['sonar-reasoning-pro'], context: 128_000, reasoning: true },
])
