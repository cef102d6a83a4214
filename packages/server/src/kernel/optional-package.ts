/** Packages that the default install leaves out: looked for and imported when they are first needed. */
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StackError } from '@llama-stack/api'

/** What is known of a package before it is there. */
export interface OptionalPackage {
  readonly name: string
  /** The version that our code is tested with: part of the command that installs it. */
  readonly version: string
  /** What needs it, as the beginning of a sentence: `Running GGUF models`. */
  readonly purpose: string
  /** Variables that its install has to see: `{ ONNXRUNTIME_NODE_INSTALL: 'skip' }`. */
  readonly installEnv?: Readonly<Record<string, string>>
}

/** The variable that names the folder of optional packages where no setting does. */
export const PACKAGES_FOLDER_VARIABLE = 'LLAMA_STACK_OPTIONAL_PACKAGES'

/** The folder in which optional packages are looked for first: that of the configuration, else that of the environment. */
export function toPackagesFolder(
  setting: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return setting ?? env[PACKAGES_FOLDER_VARIABLE]
}

/**
 * The URL of a package's entry, or undefined where it is not installed. It is looked for in `folder` (the folder that
 * holds `node_modules`), then beside this program, then in the working directory. A worker is given this URL.
 */
export function findOptionalPackage({ name }: OptionalPackage, folder?: string): string | undefined {
  const named = folder === undefined || folder === '' ? [] : [toBase(folder)]
  for (const base of [...named, import.meta.url, toBase('.')]) {
    try {
      return pathToFileURL(createRequire(base).resolve(name)).href
    } catch {
      // Not in this place: the next one may have it.
    }
  }
  return undefined
}

/** Imports a package. Rejects with `optional_package_missing` or `optional_package_broken`, each with the command that helps. */
export async function importOptionalPackage<Module extends object>(
  wanted: OptionalPackage,
  folder?: string,
): Promise<Module> {
  const url = findOptionalPackage(wanted, folder)
  const install = toInstallCommand(wanted)
  if (url === undefined) {
    const { name, version, purpose } = wanted
    throw new StackError('optional_package_missing', { package: name, version, purpose, install })
  }
  try {
    // The caller declares the part of the package that it uses: its types are not installed with us.
    return (await import(url)) as Module
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StackError('optional_package_broken', { package: wanted.name, reason, install }, { cause: error })
  }
}

/** The command that installs a package. */
export function toInstallCommand({ name, version, installEnv = {} }: OptionalPackage): string {
  const variables = Object.entries(installEnv).map(([variable, value]) => `${variable}=${value} `)
  return `${variables.join('')}npm install ${name}@${version}`
}

/** A file in the folder that need not exist: resolution starts where it would be. */
function toBase(folder: string): string {
  return join(resolve(folder), 'package.json')
}
