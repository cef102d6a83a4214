import { defineCommand } from '../command.ts'
import { serverOptions } from '../server-options.ts'

/** `llama doctor`: what is well and what is not, with fixes. */
export const command = defineCommand({
  path: ['doctor'],
  group: 'Look',
  summary: 'Check this machine, its keys and engines, and the running server',
  details: 'Sends no paid request: it lists models and asks for health. Ends with 1 when something has to be fixed.',
  arguments: {},
  options: {
    ...serverOptions,
    port: {
      type: 'number',
      minimum: 1,
      maximum: 65_535,
      placeholder: 'PORT',
      env: ['LLAMA_STACK_PORT', 'OGX_PORT'],
      default: 8321,
      description: 'The port that a server would take',
    },
    data: {
      type: 'string',
      placeholder: 'DIR',
      env: ['LLAMA_STACK_DATA'],
      description: 'The data folder. Default: ~/.llama-stack/data',
    },
  },
  examples: [
    { command: 'llama doctor', shows: 'everything' },
    { command: 'llama doctor --json | jq .checks', shows: 'for a program' },
    { command: 'llama doctor --url https://llm.example.com', shows: 'with another server' },
  ],
  async run(input) {
    const { doctor } = await import('../doctor.ts')
    return doctor(input)
  },
})
