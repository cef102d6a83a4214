/** Calls to a running server from the command line: `llama models`, `llama chat`, `llama doctor`. */
import { StackError } from '@llama-stack/api'
import { createSseParser } from '../kernel/sse.ts'
import { isRecord } from '../kernel/json-record.ts'

export interface ServerAddress {
  /** Where the server listens, without `/v1`. */
  readonly url: string
  readonly key: string | undefined
}

/** A server as a client command sees it. Failures are `server_unreachable` and `server_refused`. */
export interface ServerClient {
  get(path: string): Promise<unknown>
  delete(path: string): Promise<unknown>
  /** Posts a request that is answered by one JSON value. */
  post(path: string, body: unknown): Promise<unknown>
  /** Posts a request that is answered by server-sent events, and yields their data up to `[DONE]`. */
  stream(path: string, body: unknown): AsyncIterable<string>
}

/** Ties an address to a fetch; every call ends with the signal. */
export function toServerClient(
  address: ServerAddress,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): ServerClient {
  const url = address.url.replace(/\/+$/, '').replace(/\/v1$/, '')
  const headers = address.key === undefined ? {} : { authorization: `Bearer ${address.key}` }
  const send = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response
    try {
      response = await fetch(`${url}${path}`, {
        ...init,
        signal,
        headers: { ...headers, 'content-type': 'application/json' },
      })
    } catch (error) {
      signal.throwIfAborted()
      throw new StackError('server_unreachable', { url, reason: reasonOf(error) }, { cause: error })
    }
    if (!response.ok) throw await refusal(url, response)
    return response
  }
  return {
    async get(path) {
      return (await send(path, {})).json()
    },
    async delete(path) {
      return (await send(path, { method: 'DELETE' })).json()
    },
    async post(path, body) {
      return (await send(path, { method: 'POST', body: JSON.stringify(body) })).json()
    },
    async *stream(path, body) {
      const response = await send(path, { method: 'POST', body: JSON.stringify(body) })
      yield* eventData(response)
    },
  }
}

async function* eventData(response: Response): AsyncIterable<string> {
  const pending: string[] = []
  const parser = createSseParser((event) => pending.push(event.data))
  for await (const chunk of response.body ?? []) {
    parser.push(chunk)
    for (const data of pending.splice(0)) {
      if (data === '[DONE]') return
      yield data
    }
  }
  parser.end()
  yield* pending
}

async function refusal(url: string, response: Response): Promise<StackError> {
  const text = await response.text()
  const { message, code } = errorOf(text)
  return new StackError('server_refused', {
    url,
    status: response.status,
    code: code ?? `http_${response.status}`,
    reason: message ?? `${url} answered ${response.status} ${response.statusText}.`,
  })
}

/** Reads the envelope of an error, whoever sent it. */
function errorOf(text: string): { message?: string; code?: string } {
  try {
    const body: unknown = JSON.parse(text)
    const error = isRecord(body) && isRecord(body['error']) ? body['error'] : {}
    return {
      ...(typeof error['message'] === 'string' ? { message: error['message'] } : {}),
      ...(typeof error['code'] === 'string' ? { code: error['code'] } : {}),
    }
  } catch {
    return {}
  }
}

/** `fetch failed` says nothing: the cause does. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return 'the connection was refused'
  return cause instanceof Error ? cause.message || cause.name : String(cause)
}
