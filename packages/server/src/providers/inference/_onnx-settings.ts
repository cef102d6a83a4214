/** The settings of the providers that run models on this machine. */
import * as z from 'zod'

/** The settings that every provider of local models has. */
export const onnxSettings = {
  models_dir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where models are, as <org>/<name>. Default: ~/.llama-stack/models. The cache of Hugging Face comes next.',
    ),
  packages_dir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The folder in whose node_modules onnxruntime-node is. Default: LLAMA_STACK_OPTIONAL_PACKAGES, or beside this program.',
    ),
  fallback: z
    .enum(['lexical', 'error'])
    .default('lexical')
    .describe('What answers for a model that cannot run here: a lexical stand-in, labelled as such, or an error.'),
  context_length: z.int().min(8).optional().describe('Tokens per text at most. Default: what the model’s files say.'),
  threads: z
    .int()
    .min(1)
    .optional()
    .describe('Threads of the runtime for each model. Default: half of the processors.'),
  idle_seconds: z.int().min(1).default(900).describe('Unused for so long, a model leaves the memory.'),
  max_waiting: z.int().min(1).default(4096).describe('Texts that may wait for one model; requests beyond are refused.'),
} as const

/** The settings as they are read. */
export type OnnxSettings = z.infer<z.ZodObject<typeof onnxSettings>>
