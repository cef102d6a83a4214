/** The client's own bytes with another name of the model in them: cheaper than to write a long body anew. */
import type { ProviderCall } from '@llama-stack/api'
import type { OutboundBody } from './_dialect.ts'

const KEY = '"model"'
const COLON = 58
/** A shorter body is written anew in less time. */
const MIN_BYTES = 1024

/**
 * The pieces of the body that came, spliced, where the one that leaves has the same members but for the model's name and
 * added ones. Undefined where it differs in any other way, or where `"model"` occurs more than once: within a JSON string
 * every quote is escaped, so that a single occurrence before a colon is the member itself.
 */
export function toSplicedBody(
  { rawBody, rawFields }: ProviderCall,
  body: OutboundBody,
): readonly Uint8Array[] | undefined {
  if (rawBody === undefined || rawFields === undefined || rawBody.byteLength < MIN_BYTES) return undefined
  const added = findAdded(rawFields, body)
  if (added === undefined) return undefined
  const raw = Buffer.from(rawBody.buffer, rawBody.byteOffset, rawBody.byteLength)
  const key = raw.indexOf(KEY)
  if (key === -1 || raw.indexOf(KEY, key + KEY.length) !== -1) return undefined
  const colon = skipSpace(raw, key + KEY.length)
  const from = skipSpace(raw, colon + 1)
  const was = JSON.stringify(rawFields['model'])
  const to = from + Buffer.byteLength(was)
  if (raw[colon] !== COLON || raw.toString('utf8', from, to) !== was) return undefined
  const member = Buffer.from(`${added}${KEY}:${JSON.stringify(body['model'])}`)
  return [raw.subarray(0, key), member, raw.subarray(to)]
}

/** The added members, as they are put before the model; undefined where the bodies differ otherwise. */
function findAdded(fields: Readonly<Record<string, unknown>>, body: OutboundBody): string | undefined {
  for (const name in fields) if (!(name in body)) return undefined
  let added = ''
  for (const name in body) {
    if (name === 'model' || body[name] === fields[name]) continue
    if (name in fields) return undefined
    added += `${JSON.stringify(name)}:${JSON.stringify(body[name])},`
  }
  return added
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 32 || bytes[at] === 9 || bytes[at] === 10 || bytes[at] === 13) at += 1
  return at
}
