import { defineCommand } from '../command.ts'
import { serveOptions } from '../serve-options.ts'

/** `llama run`, `llama stack run`, bare `llama`: starts the server. */
export const command = defineCommand({
  path: ['run'],
  aliases: ['stack run', 'serve', 'up'],
  group: 'Serve',
  summary: 'Start the server: what is found here, a distribution, or a configuration file',
  details:
    'Without CONFIG it looks for keys in the environment and for Ollama, vLLM, llama.cpp and LM Studio on this machine.\n' +
    'CONFIG is a run.yaml of Llama Stack, a config.yaml of OGX, or the name of a distribution (llama stack list).\n' +
    'Ctrl-C lets open streams end; a second one ends at once.',
  arguments: { config: { description: 'A file or the name of a distribution.' } },
  options: serveOptions,
  examples: [
    { command: 'llama', shows: 'with whatever is there' },
    { command: 'llama stack run starter --port 8322', shows: 'a distribution on another port' },
    { command: 'llama run ./run.yaml --env OLLAMA_URL=http://box:11434', shows: 'a file with a variable' },
  ],
  async run(input) {
    const { serve } = await import('../serve.ts')
    return serve(input)
  },
})
