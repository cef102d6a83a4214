/** What `main.js` has in place of the modules that it loads late: the bundle puts those into scripts of their own. */
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findCommand } from './find-command.ts'
import { createScriptLoader } from './script-loader.ts'
import { youngObjects } from './young-objects.ts'

/** Creates a function that evaluates a module of one of the scripts by its path. */
export function createPartLoader(process: NodeJS.Process): (script: string, path: string) => unknown {
  const load = createScriptLoader({
    directory: import.meta.dirname,
    ...findCode(process),
    // `node:module` is loaded for what is not Node's own only: nearly everything else is in the bundle.
    require: (id) => process.getBuiltinModule(id) ?? createRequire(import.meta.filename)(id),
    process,
    asAtStart: (run) => youngObjects.asAtStart(run),
  })
  return (script, path) => {
    // What tools/command-line-bundle.ts makes the scripts export.
    const modules = load(script) as Readonly<Record<string, () => unknown>>
    return modules[path]?.()
  }
}

/** Each command keeps its own code: they have little in common, and the first to run would decide for all. */
function findCode({ env, argv, version, arch }: NodeJS.Process) {
  const found = findCommand(argv.slice(2))
  if (found.kind !== 'command' || env['NODE_DISABLE_COMPILE_CACHE'] === '1') return { codeDirectory: undefined }
  const command = found.entry.path.replaceAll(' ', '-')
  return {
    codeDirectory: join(env['HOME'] ?? homedir(), '.llama-stack', 'cache', command),
    // Put there by tools/ship-code.ts.
    shippedDirectory: join(import.meta.dirname, 'code', `${version}-${arch}`, command),
  }
}
