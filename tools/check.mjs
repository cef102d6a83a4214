/** `npm run check`: format, lint, types, generated files, dead code, and the packages as they would be published. */
import { build, install, run } from './workspace.mjs'

install()
build()
const steps = [
  ['format', 'oxfmt', ['--check', 'packages', 'tests', 'tools', 'bench', 'vitest.config.ts']],
  ['lint', 'oxlint', ['--deny-warnings']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['types of the pages', 'tsc', ['-p', 'packages/ui/tsconfig.json']],
  ['generated files', 'node', ['--conditions=llama-stack-source', 'tools/generate.ts', '--check']],
  ['dead code', 'knip', []],
  ['package api', 'publint', ['--strict', 'packages/api']],
  ['package server', 'publint', ['--strict', 'packages/server']],
  ['types of package api', 'attw', ['--pack', 'packages/api', '--profile', 'esm-only']],
  ['types of package server', 'attw', ['--pack', 'packages/server', '--profile', 'esm-only']],
]
for (const [name, command, args] of steps) {
  process.stderr.write(`— ${name}\n`)
  run(command, args)
}
process.stderr.write('All checks passed.\n')
