/**
 * How the command line is bundled: a few CommonJS files with their dependencies inside, so that a start reads two of them,
 * V8's code is kept for the large one, and what a command does not use is not evaluated.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { build } from 'esbuild'
import type { BuildOptions, OutputFile, Plugin } from 'esbuild'

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

/** What the compiler of zod's schemas exports. */
const zodCompiler = ['INVALID', 'compile', 'withParser', 'ZodCompileAsyncError', 'ZodCompileUnsupportedError'] as const

/**
 * Parts of zod that nothing here calls: forty translations of its messages (ours are worded from its issues), its
 * compiler of schemas, and more.
 */
const zodInUse: Plugin = {
  name: 'zod-in-use',
  setup(build) {
    build.onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {}', loader: 'js' }))
    build.onLoad({ filter: /zod\/v4\/core\/compile\.js$/ }, () => ({
      contents: `export const ${zodCompiler.map((name) => `${name} = undefined`).join(', ')}`,
      loader: 'js',
    }))
    build.onLoad({ filter: /zod\/v4\/classic\/from-json-schema\.js$/ }, () => ({
      contents: 'export const fromJSONSchema = undefined',
      loader: 'js',
    }))
  },
}

/**
 * The line between the files: what `dispatch` and the command files import when a command runs lives in `parts.js`, where
 * a start needs it, or in `rest.js`. `onPart` is told of each such module; paths are relative to the server package.
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
        contents: `module.exports = require('part-loader')(${JSON.stringify(scriptOf(path))}, ${JSON.stringify(path)})`,
        loader: 'js',
        resolveDir: server,
      }))
      build.onResolve({ filter: /^part-loader$/ }, ({ path }) => ({ path, namespace: 'part-loader' }))
      build.onLoad({ filter: /.*/, namespace: 'part-loader' }, () => ({
        contents: `module.exports = require('./src/cli/bundled-parts.ts').createPartLoader(process)`,
        loader: 'js',
        resolveDir: server,
      }))
    },
  }
}

/**
 * The modules that a start with a configuration file imports dynamically. All that only other dynamic imports reach, and
 * the late modules that such a start does not use, go into `rest.js`: V8 looks at each function of a script at every
 * start, called or not.
 */
const startModules: ReadonlySet<string> = new Set([
  'src/cli/command-arguments.ts',
  'src/cli/serve.ts',
  'src/cli/serve-plan-file.ts',
  'src/config/dialects/llama-stack.ts',
  'src/config/dialects/ogx.ts',
  'src/stack.ts',
  'src/providers/inference/openai-compatible.ts',
])

const scriptOf = (module: string): string => (startModules.has(module) ? './parts.js' : './rest.js')

/** The folders of the API whose schemas a start and its first chat completion need. */
const startApis: ReadonlySet<string> = new Set(['inference', 'inspect', 'models', 'wire'])

/** Leads dynamic imports to `rest.js`, but for those of modules that stay; `onRest` is told of each module that is there. */
function restElsewhere(server: string, stays: ReadonlySet<string>, onRest: (path: string) => void): Plugin {
  return {
    name: 'rest-elsewhere',
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path, resolveDir, namespace }) => {
        const isEntry = kind === 'require-call' && namespace === 'file' && resolveDir === server
        if (kind !== 'dynamic-import' && !isEntry) return undefined
        const module = relative(server, resolve(resolveDir, path)).replaceAll('\\', '/')
        if (stays.has(module)) return undefined
        onRest(module)
        return { path: module, namespace: 'rest' }
      })
      build.onLoad({ filter: /.*/, namespace: 'rest' }, ({ path }) => ({
        contents: `module.exports = require('./rest.js')[${JSON.stringify(path)}]()`,
        loader: 'js',
      }))
      build.onResolve({ filter: /^\.\/rest\.js$/, namespace: 'rest' }, ({ path }) => ({ path, external: true }))
    },
  }
}

/** For `rest.js`: the modules that `parts.js` has are taken from there, so that there is one of each. */
function partsShared(server: string, inParts: ReadonlySet<string>, onShared: (path: string) => void): Plugin {
  return {
    name: 'parts-shared',
    setup(build) {
      build.onResolve({ filter: /^[./@a-z]/ }, async ({ path, pluginData, ...asked }) => {
        const { importer, resolveDir, kind, namespace } = asked
        if (pluginData === partsShared || path.startsWith('node:') || importer.includes('node_modules'))
          return undefined
        const found = await build.resolve(path, { importer, resolveDir, kind, namespace, pluginData: partsShared })
        const module = relative(server, found.path).replaceAll('\\', '/')
        if (found.external || !inParts.has(module)) return undefined
        onShared(module)
        return { path: module, namespace: 'shared' }
      })
      build.onLoad({ filter: /.*/, namespace: 'shared' }, ({ path }) => ({
        contents: `module.exports = require('./parts.js')[${JSON.stringify(path)}]()`,
        loader: 'js',
      }))
      build.onResolve({ filter: /^\.\/parts\.js$/, namespace: 'shared' }, ({ path }) => ({ path, external: true }))
    },
  }
}

/** Packages that few commands and requests need, and that are larger than all the rest: each is a script of its own. */
const packagesElsewhere: Readonly<Record<string, string>> = Object.freeze({
  fastify: './fastify.js',
  kysely: './kysely.js',
  'undici/lib/dispatcher/proxy-agent.js': './proxy-agent.js',
  // The vocabularies of tokenizers: megabytes that only counting needs.
  'gpt-tokenizer/encoding/cl100k_base': './cl100k-base.js',
  'gpt-tokenizer/encoding/o200k_base': './o200k-base.js',
  ajv: './ajv.js',
  'ajv/dist/2020.js': './ajv-2020.js',
})

const ownScripts: Plugin = {
  name: 'own-scripts',
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ kind, path }) => {
      const script = kind === 'dynamic-import' ? packagesElsewhere[path] : undefined
      return script === undefined ? undefined : { path: script, namespace: 'own-script' }
    })
    // A `require`, so that the loader of the scripts is asked; an `import` would go to Node's.
    build.onLoad({ filter: /.*/, namespace: 'own-script' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
      loader: 'js',
    }))
    build.onResolve({ filter: /^\.\//, namespace: 'own-script' }, ({ path }) => ({ path, external: true }))
  },
}

/**
 * Modules that are evaluated when one of their names is first used: Node's own, and the schemas of the API, which are the
 * files beside a `routes.ts` and what those share. Each importer pays for a getter per name. With `onRest`, those of APIs
 * that a start does not need are taken from `rest.js`, and it is told of them.
 */
function lateModules(server: string, onRest?: (path: string) => void): Plugin {
  const api = join(server, '../api')
  const folderOf = (path: string): string | undefined =>
    /^src\/([^/]+)\/(?!routes\.ts)[^/]+\.ts$/.exec(relative(api, path).replaceAll('\\', '/'))?.[1]
  /** What evaluates the module. */
  const toLoad = (path: string): string => {
    const folder = path.startsWith('node:') ? undefined : folderOf(path)
    if (onRest === undefined || folder === undefined || startApis.has(folder)) return `require('${path}')`
    const module = relative(server, path).replaceAll('\\', '/')
    onRest(module)
    return `require('./rest.js')[${JSON.stringify(module)}]()`
  }
  return {
    name: 'late-modules',
    setup(build) {
      build.onResolve({ filter: /^(node:|\.)/, namespace: 'file' }, ({ path, importer, kind, resolveDir }) => {
        if (kind !== 'import-statement' || importer.includes('node_modules')) return undefined
        const module = path.startsWith('node:') ? path : resolve(resolveDir, path)
        return module === path || folderOf(module) !== undefined
          ? { path: module, namespace: 'late-module' }
          : undefined
      })
      build.onResolve({ filter: /^(node:|\.\/rest\.js$)/, namespace: 'late-module' }, ({ path }) => ({
        path,
        external: true,
      }))
      build.onLoad({ filter: /.*/, namespace: 'late-module' }, async ({ path }) => {
        // The build runs in the Node version that the bundle is for.
        const names = Object.keys((await import(path)) as object).filter((name) => name !== 'default')
        const getters = names.map((name) => `get ${name}() { return load().${name} }`)
        return {
          contents: `let loaded; const load = () => (loaded ??= ${toLoad(path)}); module.exports = { ${getters.join(', ')} }`,
          loader: 'js',
          resolveDir: server,
        }
      })
    },
  }
}

/**
 * Writes a script as the loader of the scripts takes it: a function in ASCII, behind a line that names its content. esbuild leaves other
 * characters in regular expressions only, where their escapes mean the same.
 */
function writeScript(outputs: readonly OutputFile[]): void {
  for (const { path, text } of outputs) {
    const ascii = text.replaceAll(/[^\p{ASCII}]/gu, toEscapes)
    const name = createHash('sha256').update(ascii).digest('hex')
    writeFileSync(path, `// ${name}\n(function (exports, require, module, __filename, __dirname) {${ascii}\n})\n`)
  }
}

const toEscapes = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
  }).join('')

/** A script that evaluates one of these modules by its path. esbuild makes each `require` the first evaluation. */
function toEntry(modules: ReadonlySet<string>, resolveDir: string): NonNullable<BuildOptions['stdin']> {
  const entries = Array.from(
    modules,
    (path) => `${JSON.stringify(path)}: () => require(${JSON.stringify(`./${path}`)})`,
  )
  return { contents: `module.exports = { ${entries.toSorted().join(', ')} }`, resolveDir, loader: 'js' }
}

/**
 * Builds the bins `llama` and `llama-stack` into a directory: `main.js`, which is small and answers `--help`, `parts.js`
 * with what a start needs of ours, `rest.js` with the rest, and the scripts of large packages.
 */
export async function buildCommandLine(common: BuildOptions, server: string, directory: string): Promise<void> {
  const options: BuildOptions = {
    ...common,
    format: 'cjs',
    minify: true,
    conditions: ['llama-stack-source'],
    define: {
      'import.meta.url': '__moduleUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  }
  const late = lateModules(server)
  const parts = new Set<string>()
  await build({
    ...options,
    entryPoints: [join(server, 'src/cli/main.ts')],
    outfile: join(directory, 'main.js'),
    plugins: [late, partsElsewhere(server, (path) => parts.add(path))],
  })
  const inner = { ...options, write: false, metafile: true } as const
  const elsewhere = new Set(Array.from(parts).filter((path) => !startModules.has(path)))
  const start = parts.difference(elsewhere)
  const buildParts = (exported: ReadonlySet<string>, stays: ReadonlySet<string>) =>
    build({
      ...inner,
      stdin: toEntry(exported, server),
      outfile: join(directory, 'parts.js'),
      plugins: [
        unused,
        zodInUse,
        ownScripts,
        restElsewhere(server, stays, (path) => elsewhere.add(path)),
        lateModules(server, (path) => elsewhere.add(path)),
      ],
    })
  const first = await buildParts(start, startModules)
  const inParts = new Set(
    Object.keys(first.metafile.inputs).map((path) => relative(server, resolve(path)).replaceAll('\\', '/')),
  )
  const shared = new Set<string>()
  const rest = await build({
    ...inner,
    stdin: toEntry(elsewhere, server),
    outfile: join(directory, 'rest.js'),
    plugins: [unused, zodInUse, ownScripts, partsShared(server, inParts, (path) => shared.add(path)), late],
  })
  writeScript(rest.outputFiles)
  writeScript((await buildParts(start.union(shared), startModules.union(inParts))).outputFiles)
  for (const [name, script] of Object.entries(packagesElsewhere)) {
    const built = await build({
      ...options,
      stdin: { contents: `module.exports = require(${JSON.stringify(name)})`, resolveDir: server, loader: 'js' },
      outfile: join(directory, script),
      plugins: [unused],
      write: false,
    })
    writeScript(built.outputFiles)
  }
}
