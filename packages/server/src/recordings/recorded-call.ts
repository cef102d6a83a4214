/** A provider call as recordings see it: who asked, what for, and under which names it may be found. */
import type { RecordingKey } from '@llama-stack/api'
import type { LosslessObject } from './lossless-json.ts'
import { toRequestHash, urlPath } from './request-hash.ts'
import type { RequestHash } from './request-hash.ts'
import { toIdentity } from './request-identity.ts'
import type { RequestIdentity } from './request-identity.ts'

export interface RecordedCall {
  readonly identity: RequestIdentity
  readonly hash: RequestHash
  readonly testId: string | null
}

/** Prepares a call. */
export function toRecordedCall(key: RecordingKey): RecordedCall {
  const identity = toIdentity(key)
  return { identity, hash: toRequestHash(identity), testId: key.testId }
}

/** What the call is about: the hashed path, the URL of a plain HTTP call, or the tool. */
export function callTarget(identity: RequestIdentity): string {
  switch (identity.kind) {
    case 'sdk':
      return urlPath(identity.url)
    case 'http':
      return identity.url
    case 'tool':
      return `${identity.provider} ${identity.toolName}`
  }
}

/** What was sent, by whichever name the kind has for it. */
export function callBody(identity: RequestIdentity): LosslessObject {
  return identity.kind === 'tool' ? identity.arguments : identity.body
}

/** The name to record under: HEAD's where there is a test or only HEAD knows the kind, else the seed's. */
export function recordingName({ hash, testId }: RecordedCall): string {
  return (testId === null ? hash.seed()[0] : undefined) ?? hash.head(testId)
}
