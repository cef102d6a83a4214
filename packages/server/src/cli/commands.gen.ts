/** Generated from the folder `commands` by tools/generate-commands.ts: do not edit. */
import type { CommandEntry } from './command.ts'

/** Every command, loaded when it is called. */
export const commandEntries: readonly CommandEntry[] = [
  {
    path: 'chat',
    aliases: [],
    group: 'Use',
    summary: 'Talk to a model of the running server',
    load: async () => (await import('./commands/chat.ts')).command,
  },
  {
    path: 'config check',
    aliases: ['check'],
    group: 'Configure',
    summary: 'Say what a configuration amounts to, and what is wrong with it',
    load: async () => (await import('./commands/config-check.ts')).command,
  },
  {
    path: 'config convert',
    aliases: [],
    group: 'Configure',
    summary: 'Turn a run.yaml of Llama Stack into a config.yaml of OGX',
    load: async () => (await import('./commands/config-convert.ts')).command,
  },
  {
    path: 'doctor',
    aliases: [],
    group: 'Look',
    summary: 'Check this machine, its keys and engines, and the running server',
    load: async () => (await import('./commands/doctor.ts')).command,
  },
  {
    path: 'explain',
    aliases: [],
    group: 'Look',
    summary: 'Say what an error code means and what to do about it',
    load: async () => (await import('./commands/explain.ts')).command,
  },
  {
    path: 'models list',
    aliases: ['models', 'model list'],
    group: 'Use',
    summary: 'List the models of the running server',
    load: async () => (await import('./commands/models-list.ts')).command,
  },
  {
    path: 'models pull',
    aliases: ['pull', 'model download'],
    group: 'Use',
    summary: 'Download a model: a GGUF file, or by the local Ollama',
    load: async () => (await import('./commands/models-pull.ts')).command,
  },
  {
    path: 'models show',
    aliases: ['model describe'],
    group: 'Use',
    summary: 'Show one model of the running server',
    load: async () => (await import('./commands/models-show.ts')).command,
  },
  {
    path: 'run',
    aliases: ['stack run', 'serve', 'up'],
    group: 'Serve',
    summary: 'Start the server: what is found here, a distribution, or a configuration file',
    load: async () => (await import('./commands/run.ts')).command,
  },
  {
    path: 'stack list-apis',
    aliases: [],
    group: 'Look',
    summary: 'List the APIs and how many of their provider types are served',
    load: async () => (await import('./commands/stack-list-apis.ts')).command,
  },
  {
    path: 'stack list-providers',
    aliases: ['providers'],
    group: 'Look',
    summary: 'List the provider types that a configuration may name',
    load: async () => (await import('./commands/stack-list-providers.ts')).command,
  },
  {
    path: 'stack list',
    aliases: ['distributions'],
    group: 'Look',
    summary: 'List the distributions that llama run accepts by name',
    load: async () => (await import('./commands/stack-list.ts')).command,
  },
  {
    path: 'version',
    aliases: [],
    group: 'Look',
    summary: 'Show the version of llama and of Node',
    load: async () => (await import('./commands/version.ts')).command,
  },
]
