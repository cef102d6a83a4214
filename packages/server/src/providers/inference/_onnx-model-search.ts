/** Where the files of local models are on this machine. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProviderEnvironment } from '@llama-stack/api'
import { findModelFacts } from './_onnx-model-facts.ts'
import type { ModelFacts } from './_onnx-model-facts.ts'
import { findHubId } from './_onnx-model-sources.ts'

/** The folders that hold models. */
export interface ModelFolders {
  /** `<org>/<name>` below it. */
  readonly models: string | undefined
  /** The cache that Hugging Face's own programs fill. */
  readonly hub: string | undefined
}

/** The usual folders of a user. `models` stands in for the first where the configuration names one. */
export function toModelFolders(env: ProviderEnvironment, models: string | undefined): ModelFolders {
  const home = env['HOME'] ?? env['USERPROFILE']
  const cache = env['XDG_CACHE_HOME'] ?? (home === undefined ? undefined : join(home, '.cache'))
  const huggingFace = env['HF_HOME'] ?? (cache === undefined ? undefined : join(cache, 'huggingface'))
  return {
    models: models ?? (home === undefined ? undefined : join(home, '.llama-stack', 'models')),
    hub: env['HF_HUB_CACHE'] ?? (huggingFace === undefined ? undefined : join(huggingFace, 'hub')),
  }
}

/** The folders in which a model's files may be, ours first. None of them need exist. */
export async function listCandidateFolders(hubId: string, folders: ModelFolders): Promise<string[]> {
  const own = folders.models === undefined ? [] : [join(folders.models, ...hubId.split('/'))]
  const cached = folders.hub === undefined ? [] : [join(folders.hub, `models--${hubId.replace('/', '--')}`)]
  const snapshots = await Promise.all(cached.map(findSnapshot))
  return [...own, ...snapshots.filter((folder) => folder !== undefined)]
}

/** The hub ids of every model folder on this machine, whatever is in it. */
export async function listModelFolderIds(folders: ModelFolders): Promise<string[]> {
  const own = await Promise.all(
    (await listFolders(folders.models)).map(async (organisation) =>
      (await listFolders(join(folders.models ?? '', organisation))).map((name) => `${organisation}/${name}`),
    ),
  )
  const cached = (await listFolders(folders.hub)).flatMap((name) => {
    const [kind, organisation, ...rest] = name.split('--')
    return kind === 'models' && organisation !== undefined && rest.length > 0
      ? [`${organisation}/${rest.join('--')}`]
      : []
  })
  return [...new Set([...own.flat(), ...cached])].filter((id) => findHubId(id) !== undefined).toSorted()
}

/** The models on this machine whose files make sense. */
export async function listOnnxModels(folders: ModelFolders): Promise<readonly ModelFacts[]> {
  const found = await Promise.all((await listModelFolderIds(folders)).map((id) => findModel(id, folders)))
  return found.filter((facts) => facts !== undefined)
}

async function findModel(id: string, folders: ModelFolders): Promise<ModelFacts | undefined> {
  for (const directory of await listCandidateFolders(id, folders)) {
    const facts = await findModelFacts({ id, directory, contextLength: undefined }).catch(() => undefined)
    if (facts !== undefined) return facts
  }
  return undefined
}

/** The snapshot that `main` points to. */
async function findSnapshot(cached: string): Promise<string | undefined> {
  const revision = await readFile(join(cached, 'refs', 'main'), 'utf8').catch(() => '')
  return /^\w+$/.test(revision.trim()) ? join(cached, 'snapshots', revision.trim()) : undefined
}

async function listFolders(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return []
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name)
}
