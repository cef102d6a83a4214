/** The settings of the provider of GGUF models. */
import * as z from 'zod'

const Entry = z.strictObject({
  path: z.string().min(1).optional().describe('The file; relative paths are within models_dir.'),
  url: z
    .string()
    .min(1)
    .optional()
    .describe('Where the file comes from while it is not there: hf:owner/repository/file.gguf, or a URL.'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .optional()
    .describe('The SHA-256 that a download has to have, in hex.'),
  context_length: z.int().min(64).optional().describe('Tokens of prompt and reply together, for this model.'),
  gpu_layers: z.int().min(0).optional().describe('Layers on the GPU. Default: as many as fit.'),
  embedding: z.boolean().optional().describe('Whether it makes vectors. Default: what its file says.'),
})

/** The settings of the provider. */
export const llamaSettings = z.strictObject({
  models: z
    .record(z.string().min(1), z.union([z.string().min(1), Entry]))
    .default({})
    .describe('Models by id: a path, hf:owner/repository/file.gguf, a URL, or an entry with settings.'),
  models_dir: z
    .string()
    .min(1)
    .optional()
    .describe('Every *.gguf below it is a model, too. Default: ~/.llama-stack/models.'),
  packages_dir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The folder in whose node_modules node-llama-cpp is. Default: LLAMA_STACK_OPTIONAL_PACKAGES, or beside this program.',
    ),
  context_length: z
    .int()
    .min(64)
    .default(8192)
    .describe('Tokens of prompt and reply together, at most. Default: 8192.'),
  max_loaded: z.int().min(1).default(1).describe('Models in memory at the same time. Default: 1.'),
  idle_seconds: z.number().min(0).default(900).describe('Unused for so long, a model leaves the memory. Default: 900.'),
  parallel: z.int().min(1).max(64).default(2).describe('Replies that one model writes at a time. Default: 2.'),
  max_waiting: z.int().min(0).default(64).describe('Requests that may wait for one model; more are refused.'),
  threads: z
    .int()
    .min(1)
    .optional()
    .describe('Threads of the engine. Default: half of the processors; its threads wait busily for each other.'),
  gpu: z
    .enum(['auto', 'metal', 'cuda', 'vulkan', 'off'])
    .default('auto')
    .describe('What computes beside the processor. Default: auto, whatever is there.'),
})

/** The settings as they are read. */
export type LlamaSettings = z.infer<typeof llamaSettings>
