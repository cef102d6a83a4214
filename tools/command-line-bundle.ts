/**
 * How the command line is bundled: one CommonJS file with its dependencies inside, so that a start reads one file, V8's
 * compile cache covers all of it, and what a command does not use is not evaluated.
 */
import { join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'

/**
 * Parts of dependencies that we never call and that cost start time. Fastify loads its JSON-schema compilers and its
 * logger only where routes declare schemas or a logger is asked for: ours do neither.
 */
const unused: Plugin = {
  name: 'unused-parts',
  setup(build) {
    build.onResolve(
      {
        filter:
          /^(pino|@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler|fast-json-stringify|secure-json-parse)$/,
      },
      (found) => ({
        path: found.path,
        namespace: 'unused',
      }),
    )
    build.onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({
      contents: `module.exports = new Proxy(function unused() {}, {
        get: (target, name) => (name === 'default' ? module.exports : target[name]),
        apply() { throw new Error(${JSON.stringify(`bug: ${path} is not part of this bundle`)}) },
      })`,
      loader: 'js',
    }))
  },
}

/** The options of the bundle that becomes the bins `llama` and `llama-stack`. */
export function commandLineBundle(common: BuildOptions, server: string): BuildOptions {
  return {
    ...common,
    format: 'cjs',
    minify: true,
    keepNames: true,
    conditions: ['source'],
    entryPoints: [join(server, 'src/cli/main.ts')],
    outfile: join(server, 'dist/cli/main.js'),
    define: { 'import.meta.url': '__moduleUrl', 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [unused],
  }
}
