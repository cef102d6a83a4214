import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Unavailable } from '../harness/bench-error.ts'

/** A recorded chat request as a client would send it, and what the reply must say. */
export type RecordedRequest = { readonly file: string; readonly body: string; readonly content: unknown }

/** The fields of a recording that are needed here. */
type Recording = {
  readonly request?: {
    readonly url?: string
    readonly endpoint?: string
    readonly body?: Readonly<Record<string, unknown>>
  }
  readonly response?: { readonly is_streaming?: boolean; readonly body?: { readonly __data__?: Completion } }
}

type Completion = { readonly choices?: readonly { readonly message?: { readonly content?: unknown } }[] }

/** Where upstream's recordings of the first generation lie, beside the repository. */
export function findRecordings(root: string): string {
  const directory = join(root, '../shared/recordings/llama-stack')
  if (!existsSync(directory)) throw new Unavailable('../shared/recordings is not on this machine')
  return directory
}

/** The chat requests to Together that were not streamed, addressed to the provider `providerId`. */
export function readTogetherRequests(directory: string, providerId: string): RecordedRequest[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      // Upstream's files; every field is read as optional.
      const { request, response } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as Recording
      const { url = '', endpoint, body = {} } = request ?? {}
      if (!url.startsWith('https://api.together.xyz/') || endpoint !== '/v1/chat/completions') return []
      if (body['stream'] === true || response?.is_streaming === true) return []
      const { extra_body: extra = {}, ...rest } = body
      const sent = { ...rest, ...(extra as object), model: `${providerId}/${String(body['model'])}` }
      return [{ file, body: JSON.stringify(sent), content: findContent(response?.body?.__data__) }]
    })
}

/** What the assistant says in a completion. */
export function findContent(completion: Completion | undefined): unknown {
  return completion?.choices?.[0]?.message?.content
}
