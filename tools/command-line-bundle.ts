/**
 * How the command line is bundled: two CommonJS files with their dependencies inside, so that a start reads two files, V8's
 * compile cache covers the large one, and what a command does not use is not evaluated.
 */
import { join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
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

/** zod's translations of its own messages, forty of them: we word our errors ourselves, from its issues. */
const oneLocale: Plugin = {
  name: 'one-locale',
  setup(build) {
    build.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {}', loader: 'js' }))
  },
}

/**
 * The line between the two files: what `dispatch` and the command files import when a command runs lives in `parts.js`.
 * `onPart` is told of each such module; paths are relative to the server package.
 */
function partsElsewhere(server: string, onPart: (path: string) => void): Plugin {
  return {
    name: 'parts-elsewhere',
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\// }, ({ kind, importer, path, resolveDir }) => {
        if (kind !== 'dynamic-import' || !/src\/cli\/(commands\/[^/]+|dispatch)\.ts$/.test(importer)) return undefined
        const part = relative(server, resolve(resolveDir, path)).replaceAll('\\', '/')
        // Help and the declarations of commands are what the first file is for.
        if (part === 'src/cli/help.ts') return undefined
        onPart(part)
        return { path: part, namespace: 'part' }
      })
      build.onLoad({ filter: /.*/, namespace: 'part' }, ({ path }) => ({
        contents: `module.exports = require('./parts.js')[${JSON.stringify(path)}]()`,
        loader: 'js',
      }))
      build.onResolve({ filter: /^\.\/parts\.js$/ }, () => ({ path: './parts.js', external: true }))
    },
  }
}

/**
 * Builds the bins `llama` and `llama-stack`: `main.js`, which is small and answers `--help`, and `parts.js` with all the
 * rest. V8's compile cache never covers the file that turns it on, so that file must not be the large one.
 */
export async function buildCommandLine(common: BuildOptions, server: string): Promise<void> {
  const options: BuildOptions = {
    ...common,
    format: 'cjs',
    minify: true,
    conditions: ['source'],
    define: {
      'import.meta.url': '__moduleUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  }
  const parts = new Set<string>()
  await build({
    ...options,
    entryPoints: [join(server, 'src/cli/main.ts')],
    outfile: join(server, 'dist/cli/main.js'),
    plugins: [partsElsewhere(server, (path) => parts.add(path))],
  })
  // esbuild turns each `require` of a module into its first evaluation: a command evaluates what it uses.
  const entries = Array.from(parts, (path) => `${JSON.stringify(path)}: () => require(${JSON.stringify(`./${path}`)})`)
  await build({
    ...options,
    stdin: { contents: `module.exports = { ${entries.toSorted().join(', ')} }`, resolveDir: server, loader: 'js' },
    outfile: join(server, 'dist/cli/parts.js'),
    plugins: [unused, oneLocale],
  })
}
