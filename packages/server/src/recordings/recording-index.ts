/** Where each recording of a tree lies, by its name: one walk, no file is opened. */
import { readdir } from 'node:fs/promises'
import { sep } from 'node:path'
import { StackError } from '@llama-stack/api'

export interface RecordingIndex {
  /** The file of this name, that of the test's own directory first; a path below the tree, with slashes. */
  findFile(name: string, testId: string | null): string | undefined
  /** The model lists whose request has this name, in the order in which they are merged. */
  modelLists(name: string): readonly string[]
  /** Every recording but the model lists, in order. */
  files(): readonly string[]
  /** Takes in a file that was written since. */
  add(file: string): void
}

/** A request's hash, or `models-<hash>-<digest of the ids>`; the hash has 12 digits (seed) or 64 (HEAD). */
const FILE_NAME =
  /(?:^|\/)(?:(?<single>[0-9a-f]{64}|[0-9a-f]{12})|models-(?<list>[0-9a-f]{64}|[0-9a-f]{12})-[0-9a-f]{8})\.json$/

/**
 * Walks a tree of recordings, whatever its layout. A tree that is not there has none, unless it has to be there.
 */
export async function readRecordingIndex(directory: string, mustExist: boolean): Promise<RecordingIndex> {
  const index = createIndex()
  const entries = await readdir(directory, { recursive: true }).catch((cause: unknown) => {
    if (!mustExist && isMissing(cause)) return []
    const reason = isMissing(cause) ? 'there is no such directory' : String(cause)
    throw new StackError('recording_unreadable', { file: directory, reason }, { cause })
  })
  // Sorted, so that a merge of model lists does not depend on the file system.
  for (const file of entries.map((entry) => entry.replaceAll(sep, '/')).sort()) index.add(file)
  return index
}

/** Where recordings of a test lie below the tree: `recordings` beside its file, as upstream lays them out. */
export function recordingDirectory(testId: string | null): string {
  const parents = testId?.split('::', 1)[0]?.split('/').slice(0, -1) ?? []
  // A test id comes with a request: only plain names may become directories.
  return [...(parents.every((name) => PLAIN_NAME.test(name)) ? parents : []), 'recordings'].join('/')
}

const PLAIN_NAME = /^\w[\w.-]{0,99}$/

function createIndex(): RecordingIndex {
  const singles = new Map<string, string[]>()
  const lists = new Map<string, string[]>()
  return {
    findFile(name, testId) {
      const files = singles.get(name)
      const own = `${recordingDirectory(testId)}/${name}.json`
      return files?.find((file) => file.endsWith(own)) ?? files?.[0]
    },
    modelLists: (name) => lists.get(name) ?? [],
    files: () => [...singles.values()].flat(),
    add(file) {
      const { single, list } = FILE_NAME.exec(file)?.groups ?? {}
      if (single !== undefined) append(singles, single, file)
      else if (list !== undefined) append(lists, list, file)
    },
  }
}

function append(files: Map<string, string[]>, name: string, file: string): void {
  const known = files.get(name)
  if (known === undefined) files.set(name, [file])
  else if (!known.includes(file)) known.push(file)
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
