/** One cell of the fault table: a client asks a whole stack whose vendor has one fault. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFaultyUpstream } from '../../packages/server/src/testing/faulty-upstream.ts'
import type { FaultName } from '../../packages/server/src/testing/faulty-upstream.ts'
import { chatChunks, chatReply, withStack } from './stack-under-test.ts'

/** Silence that the stack bears, in milliseconds: for connecting, for the head, between two pieces of the body. */
export const PATIENCE_MS = 400
/** All that is tried for one request. */
export const DEADLINE_MS = 3000
/** When the client loses patience with a reply that goes on and on. */
export const CLIENT_LEAVES_MS = 3500
/** How soon a connection that nobody needs has to be gone. */
const LET_GO_MS = 300

/** Who serves the model: the faulty vendor alone, or with a healthy one behind it. */
export type Targets = 'alone' | 'backed'

export interface FaultCell {
  /** The status of the reply. */
  readonly status: number
  /** `error.code`, of the reply or of the stream's last event; undefined where there is no error. */
  readonly code: string | undefined
  /** The text that arrived, however it ended. */
  readonly text: string
  /** How it ended: `whole`, `error` (told as such), `cut` (nothing tells that it is not whole), `left` (by the client). */
  readonly end: 'whole' | 'error' | 'cut' | 'left'
  /** The whole error object. */
  readonly error: Readonly<Record<string, unknown>> | undefined
  readonly headers: Headers
  /** What the comments of a stream say of targets that took over after its head was sent. */
  readonly takenOver: readonly string[]
  readonly tookMs: number
  /** Connections to the faulty vendor that are open a moment after the reply. */
  readonly connectionsAfter: number
  /** Those that are open after the stack is gone. */
  readonly connectionsLeaked: number
}

export interface FaultSetting {
  readonly streamed: boolean
  readonly targets: Targets
  /** Default: {@link CLIENT_LEAVES_MS}. */
  readonly clientLeavesMs?: number
}

/** Plays one cell: a new stack, one call. */
export async function playFault(
  fault: FaultName,
  { streamed, targets, clientLeavesMs = CLIENT_LEAVES_MS }: FaultSetting,
): Promise<FaultCell> {
  await using faulty = await createFaultyUpstream(fault)
  const chat = (request: { json(): unknown }) =>
    (request.json() as { stream?: boolean }).stream === true
      ? { events: chatChunks(['Hello', '!']) }
      : { json: chatReply }
  let played: Omit<FaultCell, 'connectionsLeaked'> | undefined
  await withStack(
    {
      door: 'fetch',
      routes: { 'POST /v1/chat/completions': chat },
      config: { aliases: { steady: { targets: ['faulty/some-model', 'healthy/m1'] } } },
      configOf: ({ url, directory }) => ({
        providers: [
          toProvider('faulty', faulty.url, trust(directory, faulty.certificate, fault)),
          toProvider('healthy', `${url}/v1`, {}),
        ],
        reliability: { retries: 1, deadlineMs: DEADLINE_MS, backoff: { baseMs: 10, maxMs: 1500 } },
      }),
    },
    async ({ fetch, url }) => {
      const started = performance.now()
      const leaving = new AbortController()
      const timer = setTimeout(() => leaving.abort(), clientLeavesMs)
      const answer = await ask(fetch, `${url}/v1/chat/completions`, {
        signal: leaving.signal,
        body: JSON.stringify({
          model: targets === 'alone' ? 'faulty/some-model' : 'steady',
          messages: [{ role: 'user', content: 'Will it rain?' }],
          ...(streamed && { stream: true }),
        }),
      })
      clearTimeout(timer)
      const tookMs = performance.now() - started
      const patience = performance.now() + LET_GO_MS
      while (faulty.connections > 0 && performance.now() < patience) await sleep(10)
      played = { ...answer, tookMs, connectionsAfter: faulty.connections }
    },
  )
  const patience = performance.now() + LET_GO_MS
  while (faulty.connections > 0 && performance.now() < patience) await sleep(10)
  if (played === undefined) throw new Error('the scenario did not run')
  return { ...played, connectionsLeaked: faulty.connections }
}

function toProvider(id: string, url: string, tls: object) {
  const timeout = { connect: PATIENCE_MS / 1000, read: PATIENCE_MS / 1000 }
  return {
    api: 'inference' as const,
    id,
    type: 'remote::openai',
    config: {
      base_url: url,
      api_key: 'sk-test',
      network: { timeout, ...tls },
      ...(id === 'faulty' && { skip_model_availability: true }),
    },
  }
}

/** Only who trusts the certificate gets as far as the name in it. */
function trust(directory: string, certificate: string | undefined, fault: FaultName): object {
  if (certificate === undefined || fault !== 'has a certificate of another name') return {}
  const file = join(directory, 'trusted.pem')
  writeFileSync(file, certificate)
  return { tls: { verify: file } }
}

type Answer = Omit<FaultCell, 'connectionsAfter' | 'connectionsLeaked' | 'tookMs'>

async function ask(
  fetcher: typeof fetch,
  url: string,
  { body, signal }: { readonly body: string; readonly signal: AbortSignal },
): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  const none = {
    status: 0,
    code: undefined,
    text: '',
    error: undefined,
    headers: new Headers(),
    takenOver: [],
    end: 'left' as const,
  }
  let response: Response
  try {
    response = await fetcher(url, { method: 'POST', headers, body, signal })
  } catch {
    return none
  }
  const { status } = response
  const read = await readText(response)
  const bare = { status, headers: response.headers }
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
    return { ...bare, takenOver: [], ...readWhole(read) }
  }
  const takenOver = [...read.text.matchAll(/^: llama-stack (\{.*\})$/gm)].map(([, fields = '']) => fields)
  return { ...bare, takenOver, ...readEvents(read) }
}

interface ReadText {
  readonly text: string
  /** Whether the body came to its end. */
  readonly ended: boolean
  readonly left: boolean
}

async function readText(response: Response): Promise<ReadText> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    // A fetch's body is an iterable in Node.
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true })
    }
    return { text, ended: true, left: false }
  } catch (error) {
    return { text, ended: false, left: error instanceof Error && error.name === 'AbortError' }
  }
}

type Body = Pick<Answer, 'code' | 'text' | 'error' | 'end'>

function readWhole({ text, ended, left }: ReadText): Body {
  if (!ended) return { code: undefined, text, error: undefined, end: left ? 'left' : 'cut' }
  const body = JSON.parse(text) as {
    error?: Record<string, unknown>
    choices?: { message: { content: string } }[]
  }
  const { error, choices } = body
  if (error !== undefined) return { code: String(error['code']), text: '', error, end: 'error' }
  return { code: undefined, text: choices?.[0]?.message.content ?? '', error: undefined, end: 'whole' }
}

function readEvents({ text: body, left }: ReadText): Body {
  const events = body.split('\n\n').filter((event) => event.startsWith('data: '))
  let text = ''
  let end: Body['end'] = left ? 'left' : 'cut'
  let error: FaultCell['error']
  for (const event of events) {
    const data = event.slice('data: '.length)
    if (data === '[DONE]') {
      end = 'whole'
      continue
    }
    const piece = parsePiece(data)
    if (piece === undefined) return { code: undefined, text: `no JSON: ${data}`, error, end: 'cut' }
    if (piece.error !== undefined) {
      error = piece.error
      end = 'error'
    }
    text += piece.choices?.[0]?.delta.content ?? ''
  }
  return { code: error === undefined ? undefined : String(error['code']), text, error, end }
}

interface Piece {
  readonly error?: Readonly<Record<string, unknown>>
  readonly choices?: readonly { readonly delta: { readonly content?: string } }[]
}

/** Undefined for what no client could parse. */
function parsePiece(data: string): Piece | undefined {
  try {
    return JSON.parse(data) as Piece
  } catch {
    return undefined
  }
}
