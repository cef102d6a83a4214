/** Where the files of models come from: Hugging Face, or any web server. */
import { StackError } from '@llama-stack/api'

/** The variables that Hugging Face's own tools read. */
export interface ModelSourceEnvironment {
  readonly HF_ENDPOINT?: string | undefined
  readonly HF_TOKEN?: string | undefined
}

/** What a download needs to know of a file. */
export interface ModelSource {
  readonly url: string
  readonly fileName: string
  readonly headers: Readonly<Record<string, string>>
  /** The header by which the server states the file's SHA-256, where it does. */
  readonly checksumHeader?: string
}

/** How a hub is reached. */
export interface HubAccess {
  /** Its base, without a slash at the end. */
  readonly endpoint: string
  /** Opens what is kept behind terms. */
  readonly token: string | undefined
}

const HUGGING_FACE = 'https://huggingface.co'

/** Hugging Face states the SHA-256 of large files as the tag of what it redirects to. */
const HUGGING_FACE_CHECKSUM = 'x-linked-etag'

/** `hf:owner/repo/path/to/file`, with `@revision` after the repository where it is not `main`. */
const hubAddress = /^hf:([^/@\s]+\/[^/@\s]+)(?:@([^/\s]+))?\/([^\s]+)$/

/** Whether a text names a file on the web: `hf:owner/repo/file.gguf` or a URL. */
export function isModelSource(text: string): boolean {
  return /^(?:hf:|https?:\/\/)/i.test(text)
}

/** How Hugging Face is reached, or the mirror of it that the environment names. */
export function toHubAccess(env: ModelSourceEnvironment): HubAccess {
  return { endpoint: (env.HF_ENDPOINT || HUGGING_FACE).replace(/\/+$/, ''), token: env.HF_TOKEN || undefined }
}

/** What shows the hub who asks. */
export function toHubHeaders({ token }: HubAccess): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** Reads where a file comes from. Throws `invalid_value` for anything that is neither form. */
export function parseModelSource(text: string, env: ModelSourceEnvironment): ModelSource {
  const hub = toHubAccess(env)
  const [, repository, revision = 'main', file] = hubAddress.exec(text) ?? []
  const url =
    repository === undefined || file === undefined ? text : `${hub.endpoint}/${repository}/resolve/${revision}/${file}`
  if (!URL.canParse(url) || !/^https?:/i.test(url)) {
    throw new StackError('invalid_value', {
      param: 'model',
      problem: 'it names no file',
      value: text,
      fix: 'Write hf:owner/repository/file.gguf, or the URL of a file.',
    })
  }
  const fileName = toFileName(new URL(url).pathname)
  const isHub = url.startsWith(`${hub.endpoint}/`)
  return {
    url,
    fileName,
    headers: isHub ? toHubHeaders(hub) : {},
    ...(isHub ? { checksumHeader: HUGGING_FACE_CHECKSUM } : {}),
  }
}

/** The last part of a path, as a name that leads nowhere else. */
function toFileName(path: string): string {
  return decodePart(path.split('/').at(-1) ?? '').replaceAll(/[\\/:]/g, '_')
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // A lone percent sign: the name is meant as it stands.
    return part
  }
}
