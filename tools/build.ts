/** Builds what is shipped: the two packages with their types, the command line as one file, the pages. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { BuildOptions } from 'esbuild'
import { buildCommandLine } from './command-line-bundle.ts'
import { shipCode } from './ship-code.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const api = join(root, 'packages/api')
const server = join(root, 'packages/server')

const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  logLevel: 'warning',
  legalComments: 'none',
}

for (const folder of [api, server]) rmSync(join(folder, 'dist'), { recursive: true, force: true })

await build({
  ...common,
  packages: 'external',
  entryPoints: [join(api, 'src/index.ts')],
  outfile: join(api, 'dist/index.js'),
})
await build({
  ...common,
  packages: 'external',
  splitting: true,
  entryPoints: { index: join(server, 'src/index.ts'), 'testing/index': join(server, 'src/testing/index.ts') },
  outdir: join(server, 'dist'),
})
await buildCommandLine(common, server, join(server, 'dist/cli'))
// A thread is started from a file, which stands beside the bundle that starts it.
for (const folder of ['dist', 'dist/cli']) {
  await build({
    ...common,
    conditions: ['llama-stack-source'],
    entryPoints: { 'onnx-worker': join(server, 'src/providers/inference/_onnx-worker.ts') },
    outdir: join(server, folder),
    outExtension: { '.js': '.mjs' },
  })
}
// The package is ESM; the command line is CommonJS, which starts faster (docs/decisions/0004-cold-start.md).
writeFileSync(join(server, 'dist/cli/package.json'), '{ "type": "commonjs" }\n')
chmodSync(join(server, 'dist/cli/main.js'), 0o755)

for (const folder of [api, server]) {
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(folder, 'tsconfig.build.json')], { stdio: 'inherit' })
}
mkdirSync(join(server, 'dist/distributions'), { recursive: true })
cpSync(join(root, 'distributions'), join(server, 'dist/distributions'), { recursive: true })
await shipCode(join(server, 'dist/cli'))
if (existsSync(join(root, 'packages/ui/build.mjs'))) {
  execFileSync(process.execPath, [join(root, 'packages/ui/build.mjs')], { stdio: 'inherit' })
}
