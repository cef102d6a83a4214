/** What `llama run` understands: upstream's flags and ours. */
import type { ServerOverrides } from '../config/settle-server.ts'
import { defineOptions } from './command.ts'
import type { OptionValues } from './command.ts'

export const serveOptions = defineOptions({
  port: {
    type: 'number',
    minimum: 0,
    maximum: 65_535,
    placeholder: 'PORT',
    // Its variables are read with the rest of the server's settings, so that .env and --env count too.
    description: 'The port; 0 takes any free one. Default: LLAMA_STACK_PORT, the configuration, or 8321',
  },
  host: {
    type: 'string',
    placeholder: 'HOST',
    env: ['LLAMA_STACK_HOST', 'OGX_HOST'],
    description:
      'The address to bind. Others than loopback need LLAMA_STACK_API_KEY. Default: the configuration, or 127.0.0.1',
  },
  env: { type: 'strings', placeholder: 'KEY=VALUE', description: 'Set a variable for the configuration' },
  providers: {
    type: 'string',
    placeholder: 'API=TYPE,…',
    description: 'Run these providers in place of a configuration: inference=remote::openai',
  },
  record: { type: 'string', placeholder: 'DIR', description: 'Keep every provider call in DIR' },
  replay: { type: 'string', placeholder: 'DIR', description: 'Answer provider calls from DIR, call nobody' },
  data: {
    type: 'string',
    placeholder: 'DIR',
    env: ['LLAMA_STACK_DATA'],
    description: 'The data folder. Default: the configuration, or ~/.llama-stack/data',
  },
  ephemeral: { type: 'boolean', description: 'Use a data folder that is deleted at the end' },
  detect: { type: 'boolean', description: 'Look for local engines in a container or in CI too' },
  'no-detect': { type: 'boolean', description: 'Do not look for local engines and models in files' },
  log: {
    type: 'string',
    choices: ['json', 'pretty'],
    description: 'The form of the log. Default: json in a container, else pretty',
  },
  workers: {
    type: 'number',
    minimum: 1,
    maximum: 256,
    placeholder: 'N',
    description: 'Processes that serve one port and one data folder. Default: the configuration, or 1',
  },
  'image-type': {
    type: 'string',
    placeholder: 'TYPE',
    description: "Upstream's flag; has no effect, there is nothing to build",
  },
  'image-name': { type: 'string', placeholder: 'NAME', description: "Upstream's flag; has no effect" },
  'enable-ui': { type: 'boolean', description: "Upstream's flag; has no effect yet" },
})

export type ServeOptions = OptionValues<typeof serveOptions>

/** What the options say of the server, over environment and file. */
export function toServerOverrides(options: ServeOptions): ServerOverrides {
  return {
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  }
}
