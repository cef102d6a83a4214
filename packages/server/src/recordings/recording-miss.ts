/** What to tell about a request that no recording answers: its body, and where the nearest recorded one differs. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { StackError } from '@llama-stack/api'
import { describeDifference, differenceWeight, jsonDifferences } from './json-difference.ts'
import type { JsonDifference } from './json-difference.ts'
import { asObject, asString, parseLossless } from './lossless-json.ts'
import type { LosslessObject } from './lossless-json.ts'
import { canonicalJson } from './python-json.ts'
import { callBody, callTarget, recordingName } from './recorded-call.ts'
import type { RecordedCall } from './recorded-call.ts'
import { redactNamedSecrets, redactUrl } from './redaction.ts'
import { urlPath } from './request-hash.ts'

export interface MissSearch {
  readonly directory: string
  /** The recordings to compare with, below the directory. */
  readonly files: readonly string[]
}

const MAX_BODY_CHARACTERS = 2000
const MAX_DIFFERENCES = 6

/** Builds the error of a miss. */
export async function toMissError(call: RecordedCall, search: MissSearch): Promise<StackError> {
  const body = redactNamedSecrets(callBody(call.identity))
  const text = canonicalJson(body)
  const shown = text.length > MAX_BODY_CHARACTERS ? `${text.slice(0, MAX_BODY_CHARACTERS)}…` : text
  const test = call.testId === null ? 'without a test id' : `of test ${call.testId}`
  return new StackError('recording_not_found', {
    request: `${redactUrl(callTarget(call.identity))} ${test} (${recordingName(call)}) with the body ${shown}`,
    nearest: describeNearest(await findNearest(call, body, search)),
  })
}

interface Nearest {
  readonly file: string
  readonly testId: string | null
  readonly differences: readonly JsonDifference[]
}

function describeNearest(nearest: Nearest | undefined): string {
  if (nearest === undefined) return 'No request to this endpoint is recorded.'
  const test = nearest.testId === null ? '' : ` of test ${nearest.testId}`
  const { differences } = nearest
  if (differences.length === 0) return `The same body is recorded in ${nearest.file}${test}.`
  const names = { left: 'requested', right: 'recorded' }
  const lines = differences
    .slice(0, MAX_DIFFERENCES)
    .map((difference) => `\n  ${describeDifference(difference, names)}`)
  const more = differences.length > MAX_DIFFERENCES ? `\n  and ${differences.length - MAX_DIFFERENCES} more` : ''
  return `The nearest recorded request, ${nearest.file}${test}, differs:${lines.join('')}${more}\n`
}

/** The recording of the same endpoint whose body differs least; one of the same test wins over all others. */
async function findNearest(call: RecordedCall, body: LosslessObject, search: MissSearch): Promise<Nearest | undefined> {
  const target = callTarget(call.identity)
  let best: { readonly nearest: Nearest; readonly isOwn: boolean; readonly weight: number } | undefined
  for (const file of search.files) {
    const head = await findRequest(join(search.directory, file))
    if (head === undefined || head.target !== target) continue
    const isOwn = call.testId !== null && head.testId === call.testId
    const differences = jsonDifferences(body, head.body)
    const weight = differences.reduce((sum, difference) => sum + differenceWeight(difference), 0)
    if (best !== undefined && (isOwn === best.isOwn ? weight >= best.weight : best.isOwn)) continue
    best = { nearest: { file, testId: head.testId, differences }, isOwn, weight }
  }
  return best?.nearest
}

interface RequestHead {
  readonly target: string
  readonly testId: string | null
  readonly body: LosslessObject
}

/** The request stands before the response, which may be a hundred times as large: only so much is read. */
const HEAD_BYTES = 128 * 1024
const RESPONSE_MEMBER = ',\n  "response":'

async function findRequest(path: string): Promise<RequestHead | undefined> {
  const start = await readStart(path).catch(() => '')
  const end = start.indexOf(RESPONSE_MEMBER)
  if (end === -1) return undefined
  try {
    const document = asObject(parseLossless(`${start.slice(0, end)}}`))
    const request = asObject(document?.get('request')) ?? new Map()
    const text = (key: string): string => asString(request.get(key)) ?? ''
    const target = request.has('kwargs')
      ? `${text('provider')} ${text('tool_name')}`
      : request.has('payload')
        ? text('url')
        : urlPath(text('url'))
    const body = asObject(request.get('body') ?? request.get('payload') ?? request.get('kwargs')) ?? new Map()
    return { target, testId: asString(document?.get('test_id')) ?? null, body }
  } catch {
    return undefined
  }
}

async function readStart(path: string): Promise<string> {
  await using file = await open(path)
  const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
  return buffer.toString('utf8', 0, bytesRead)
}
