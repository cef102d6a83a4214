import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama chat`: a conversation, or one question in a pipe. */
export const command = defineCommand({
  path: ['chat'],
  group: 'Use',
  summary: 'Talk to a model of the running server',
  details:
    'On a terminal it is a conversation: /help lists what can be typed. With -p, or with text piped in, it answers once.\n' +
    'Without MODEL the server chooses: auto is its first chat model.',
  arguments: { model: { description: 'The model. Default: auto.' } },
  options: {
    ...serverOptions,
    prompt: {
      type: 'string',
      short: 'p',
      placeholder: 'TEXT',
      description: 'Ask this once; piped text is put below it',
    },
    model: { type: 'string', short: 'm', placeholder: 'MODEL', description: 'The same as the argument' },
    system: { type: 'string', placeholder: 'TEXT', description: 'The system message' },
    'max-tokens': { type: 'number', minimum: 1, placeholder: 'N', description: 'The longest answer' },
  },
  examples: [
    { command: 'llama chat', shows: 'a conversation with the first model' },
    { command: 'llama chat ollama/qwen3:8b -p "Say hello"', shows: 'one question' },
    { command: 'cat notes.md | llama chat -p "Summarise this"', shows: 'about piped text' },
  ],
  async run(input) {
    const { chat } = await import('../chat.ts')
    return chat(input)
  },
})
