/** What the rows of the table read of the lists that vendors document. */
import { bug } from '@llama-stack/api'
import { expect, test } from 'vitest'
import { dialects } from './_dialect-table.ts'
import { toListedModel } from './_listed-model.ts'
import type { ProtocolContext } from './_protocol-context.ts'

const usd = (input: number, output: number, cached?: number) => ({
  currency: 'USD',
  input,
  ...(cached !== undefined && { cached_input: cached }),
  output,
})

const rows: readonly (readonly [type: string, row: object, facts: object])[] = [
  [
    'remote::openrouter',
    {
      context_length: 200_000,
      architecture: { input_modalities: ['image', 'text', 'file'], output_modalities: ['text'] },
      pricing: { prompt: '0.000003', completion: '0.000015', input_cache_read: '0.0000003', internal_reasoning: '0' },
      top_provider: { context_length: 200_000, max_completion_tokens: 64_000 },
      supported_parameters: ['max_tokens', 'reasoning', 'tools'],
    },
    {
      context_length: 200_000,
      max_output_tokens: 64_000,
      input_modalities: ['image', 'text', 'pdf'],
      output_modalities: ['text'],
      tools: true,
      structured_output: false,
      reasoning: true,
      price: usd(3_000_000, 15_000_000, 300_000),
    },
  ],
  [
    'remote::together',
    { type: 'chat', context_length: 131_072, pricing: { hourly: 0, input: 0.88, output: 0.88, base: 0, finetune: 0 } },
    { context_length: 131_072, price: usd(880_000, 880_000) },
  ],
  [
    'remote::together',
    { type: 'chat', context_length: 8192, pricing: { input: 0, output: 0 } },
    { context_length: 8192 },
  ],
  [
    'remote::groq',
    { context_window: 131_072, max_completion_tokens: 32_768 },
    { context_length: 131_072, max_output_tokens: 32_768 },
  ],
  [
    'remote::fireworks',
    { context_length: 131_072, supports_chat: true, supports_image_input: false, supports_tools: true },
    { context_length: 131_072, input_modalities: ['text'], tools: true },
  ],
  [
    'remote::sambanova',
    {
      context_length: 131_072,
      max_completion_tokens: 3072,
      pricing: { prompt: '0.00000060', completion: '0.00000120', duration_per_second: '0' },
    },
    { context_length: 131_072, max_output_tokens: 3072, price: usd(600_000, 1_200_000) },
  ],
  [
    'remote::anthropic',
    {
      max_input_tokens: 200_000,
      max_tokens: 64_000,
      capabilities: {
        image_input: { supported: true },
        pdf_input: { supported: true },
        structured_outputs: { supported: true },
        thinking: { supported: true, types: { enabled: { supported: true } } },
      },
    },
    {
      context_length: 200_000,
      max_output_tokens: 64_000,
      input_modalities: ['text', 'image', 'pdf'],
      structured_output: true,
      reasoning: true,
    },
  ],
  [
    'remote::gemini',
    {
      name: 'models/gemini-2.5-flash',
      supportedGenerationMethods: ['generateContent', 'countTokens'],
      inputTokenLimit: 1_048_576,
      outputTokenLimit: 65_536,
      thinking: true,
    },
    { context_length: 1_048_576, max_output_tokens: 65_536, reasoning: true },
  ],
  ['remote::anthropic', { display_name: 'As its list was before' }, {}],
  [
    'remote::mistral',
    {
      max_context_length: 131_072,
      capabilities: { completion_chat: true, function_calling: true, vision: true, audio: false, reasoning: false },
    },
    { context_length: 131_072, input_modalities: ['text', 'image'], tools: true, reasoning: false },
  ],
  [
    'remote::lmstudio',
    { type: 'vlm', arch: 'qwen2_vl', max_context_length: 32_768, capabilities: ['tool_use'] },
    { context_length: 32_768, input_modalities: ['text', 'image'], tools: true },
  ],
  [
    'remote::hf::serverless',
    {
      architecture: { input_modalities: ['text'], output_modalities: ['text'] },
      providers: [{ provider: 'somebody', context_length: 131_072, supports_tools: true }],
    },
    { input_modalities: ['text'], output_modalities: ['text'] },
  ],
  [
    'remote::passthrough',
    {
      custom_metadata: {
        model_type: 'llm',
        context_length: 8192,
        tools: true,
        input_modalities: ['text', 'audio'],
        price: usd(150_000, 600_000, 75_000),
      },
    },
    {
      context_length: 8192,
      tools: true,
      input_modalities: ['text', 'audio'],
      price: usd(150_000, 600_000, 75_000),
    },
  ],
]

const factNames = [
  'context_length',
  'max_output_tokens',
  'input_modalities',
  'output_modalities',
  'tools',
  'structured_output',
  'reasoning',
  'price',
]

test.each(rows)('the list of %s tells what its row says: %j', (type, row, facts) => {
  const dialect = dialects.find((each) => each.type === type) ?? bug('no such row')
  // Reading a row needs the facts of the vendor and nothing else of an instance.
  const context = { dialect, live: true } as ProtocolContext
  const listing = dialect.liveListing ?? dialect.listing
  const metadata = toListedModel(context, listing, { id: 'm', row: { id: 'm', ...row } })?.metadata ?? {}
  expect(Object.fromEntries(Object.entries(metadata).filter(([name]) => factNames.includes(name)))).toEqual(facts)
  // Recordings have no room for it.
  const replayed = toListedModel({ ...context, live: false }, listing, { id: 'm', row: { id: 'm', ...row } })
  expect(Object.keys(replayed?.metadata ?? {})).not.toContain('price')
})
