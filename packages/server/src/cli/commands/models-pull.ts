import { defineCommand } from '../command.ts'

/** `llama models pull`: downloads a GGUF file, an ONNX model, or a model into the local Ollama. */
export const command = defineCommand({
  path: ['models', 'pull'],
  aliases: ['pull', 'model download'],
  group: 'Use',
  summary: 'Download a model: a GGUF file, ONNX files, or by the local Ollama',
  details:
    'HF_TOKEN opens what Hugging Face keeps behind terms; HF_ENDPOINT names a mirror of it. A download that broke off goes on.',
  arguments: {
    model: {
      required: true,
      description:
        'hf:owner/repository/file.gguf, the URL of such a file, owner/name of an ONNX model for embeddings or rerank, or Ollama’s name:tag.',
    },
  },
  options: {
    ollama: {
      type: 'string',
      placeholder: 'URL',
      env: ['OLLAMA_URL', 'OLLAMA_HOST'],
      default: 'http://127.0.0.1:11434',
      description: 'Where Ollama listens',
    },
    folder: { type: 'string', placeholder: 'FOLDER', description: 'Where files go, instead of ~/.llama-stack/models' },
    sha256: { type: 'string', placeholder: 'HEX', description: 'The checksum that a file has to have' },
  },
  examples: [
    { command: 'llama models pull qwen3:4b', shows: 'a chat model of 2.6 GB, by Ollama' },
    { command: 'llama models pull hf:Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf', shows: 'the same as a file' },
    { command: 'llama models pull sentence-transformers/all-MiniLM-L6-v2', shows: 'an embedding model, 91 MB' },
  ],
  async run({ args, options, context }) {
    const [{ pullByName }, { toOutput }, { fromHomePath }, { defaultModelsFolder }, packages] = await Promise.all([
      import('../model-pullers.ts'),
      import('../output.ts'),
      import('../home-path.ts'),
      import('../../kernel/models-folder.ts'),
      import('../../kernel/optional-package.ts'),
    ])
    const output = toOutput(context, options)
    const { use, needs, ...pulled } = await pullByName({
      model: args.model,
      ollama: options.ollama,
      folder: options.folder === undefined ? defaultModelsFolder(context.home) : fromHomePath(options.folder, context),
      sha256: options.sha256,
      quiet: options.quiet || options.json,
      context,
    })
    output.result(pulled, () => `${pulled.model} is there.\n`)
    const folder = packages.toPackagesFolder(undefined, context.env)
    if (needs !== undefined && packages.findOptionalPackage(needs, folder) === undefined) {
      output.note(`It needs: ${packages.toInstallCommand(needs)}`)
    }
    output.note(`Use it: ${use}`)
    return 0
  },
})
