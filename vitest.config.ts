import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['llama-stack-source'] },
  ssr: { resolve: { conditions: ['llama-stack-source'], externalConditions: ['llama-stack-source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tests/**/*.test.ts', 'tools/**/*.test.ts', 'bench/**/*.test.ts'],
    pool: 'forks',
    // Many files wait for servers that they start and kill: one worker more than cores keeps those busy.
    maxWorkers: Math.max(3, availableParallelism()),
    execArgv: ['--conditions=llama-stack-source', '--disable-warning=ExperimentalWarning'],
    // For machines that are slow and busy: several of these start ten processes, one after the other.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './tools/closing-line.ts'],
  },
})
