/** The options of every command that talks to a running server. */
import { defineOptions } from './command.ts'

/** `--url` and `--key`. Upstream's client reads the same two settings from `LLAMA_STACK_CLIENT_*`. */
export const serverOptions = defineOptions({
  url: {
    type: 'string',
    placeholder: 'URL',
    env: ['LLAMA_STACK_URL', 'LLAMA_STACK_CLIENT_BASE_URL', 'OGX_BASE_URL'],
    default: 'http://127.0.0.1:8321',
    description: 'The server to ask',
  },
  key: {
    type: 'string',
    placeholder: 'KEY',
    env: ['LLAMA_STACK_API_KEY', 'LLAMA_STACK_CLIENT_API_KEY', 'OGX_API_KEY'],
    description: 'The API key of that server',
  },
})
