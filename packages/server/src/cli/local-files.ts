/** Models in files on this machine, which the server runs itself: what there is, and what is missing to run it. */
import { existsSync } from 'node:fs'
import { defaultModelsFolder } from '../kernel/models-folder.ts'
import type { OptionalPackage } from '../kernel/optional-package.ts'
import type { Environment } from './command.ts'

/** A provider that runs files. */
export interface FileProvider {
  readonly id: string
  readonly type: string
  readonly config: Readonly<Record<string, unknown>>
}

/** Models of one kind of file. */
export interface FoundFiles {
  readonly kind: FileKind
  readonly models: readonly string[]
  /** Those that have something to run. */
  readonly providers: readonly FileProvider[]
  /** The command that installs what runs them; undefined where it is there. */
  readonly install: string | undefined
}

export interface LocalFilesOptions {
  readonly env: Environment
  readonly home: string
}

type Inventory = Pick<FoundFiles, 'models' | 'providers'> & { readonly needs: OptionalPackage }

/** One kind of file. */
export interface FileKind {
  readonly label: string
  /** Loads what knows the files, only where there may be any: a start without them must not pay for it. */
  readonly find: (options: LocalFilesOptions) => Promise<Inventory | undefined>
}

const gguf: FileKind = Object.freeze({
  label: 'GGUF files',
  async find({ home }: LocalFilesOptions) {
    const folder = defaultModelsFolder(home)
    if (!existsSync(folder)) return undefined
    const [{ createGgufCatalog }, { llamaPackage }] = await Promise.all([
      import('../providers/inference/_gguf-catalog.ts'),
      import('../providers/inference/_llama-engine.ts'),
    ])
    const listed = await createGgufCatalog({ models: {}, folder, home, contextLength: 1 }).list()
    return {
      models: listed.map(({ id }) => id),
      providers: [{ id: 'llama-cpp', type: 'inline::llama-cpp', config: {} }],
      needs: llamaPackage,
    }
  },
})

const onnx: FileKind = Object.freeze({
  label: 'ONNX files',
  async find({ env, home }: LocalFilesOptions) {
    const { listOnnxModels, toModelFolders } = await import('../providers/inference/_onnx-model-search.ts')
    const folders = toModelFolders({ HOME: home, ...env }, undefined)
    if (!Object.values(folders).some((folder) => folder !== undefined && existsSync(folder))) return undefined
    const { onnxRuntimePackage } = await import('../providers/inference/_onnx-runtime.ts')
    const listed = await listOnnxModels(folders)
    const kinds = new Set(listed.map(({ task }) => task.kind))
    return {
      models: listed.map(({ id }) => id),
      // Nobody asked for stand-ins here: what the files are of is served, and nothing else.
      providers: [
        { kind: 'embedding', id: 'sentence-transformers', type: 'inline::sentence-transformers' } as const,
        { kind: 'rerank', id: 'transformers', type: 'inline::transformers' } as const,
      ].flatMap(({ kind, ...provider }) => (kinds.has(kind) ? [{ ...provider, config: { fallback: 'error' } }] : [])),
      needs: onnxRuntimePackage,
    }
  },
})

/** The kinds of file, in the order in which `auto` prefers their models. */
export const fileKinds: readonly FileKind[] = Object.freeze([gguf, onnx])

/** Looks at the usual folders of a user. Kinds without a model are left out. */
export async function findLocalFiles(options: LocalFilesOptions): Promise<readonly FoundFiles[]> {
  const found = await Promise.all(fileKinds.map((kind) => findKind(kind, options)))
  return found.filter((files) => files !== undefined)
}

async function findKind(kind: FileKind, options: LocalFilesOptions): Promise<FoundFiles | undefined> {
  const inventory = await kind.find(options)
  if (inventory === undefined || inventory.models.length === 0) return undefined
  const { needs, ...found } = inventory
  const packages = await import('../kernel/optional-package.ts')
  const isInstalled =
    packages.findOptionalPackage(needs, packages.toPackagesFolder(undefined, options.env)) !== undefined
  return { kind, ...found, install: isInstalled ? undefined : packages.toInstallCommand(needs) }
}
