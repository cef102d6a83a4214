import { defineCommand } from '../command.ts'

/** `llama models pull`: downloads a model into the local Ollama. */
export const command = defineCommand({
  path: ['models', 'pull'],
  aliases: ['pull', 'model download'],
  group: 'Use',
  summary: 'Download a model with the local Ollama',
  arguments: { model: { required: true, description: "Ollama's name of the model." } },
  options: {
    ollama: {
      type: 'string',
      placeholder: 'URL',
      env: ['OLLAMA_URL', 'OLLAMA_HOST'],
      default: 'http://127.0.0.1:11434',
      description: 'Where Ollama listens',
    },
  },
  examples: [
    { command: 'llama models pull qwen3:4b', shows: 'a chat model of 2.6 GB' },
    { command: 'llama models pull nomic-embed-text', shows: 'a model for search' },
    { command: 'llama models pull qwen3:4b --ollama http://10.0.0.5:11434', shows: 'on another machine' },
  ],
  async run({ args, options, context }) {
    const [{ pullModel }, { toOutput }] = await Promise.all([import('../ollama-pull.ts'), import('../output.ts')])
    const output = toOutput(context, options)
    const bytes = await pullModel({
      model: args.model,
      address: options.ollama,
      quiet: options.quiet || options.json,
      context,
    })
    output.result({ model: args.model, bytes }, () => `${args.model} is there.\n`)
    output.note(`Use it: llama chat ollama/${args.model}`)
    return 0
  },
})
