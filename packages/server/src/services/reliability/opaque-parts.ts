/**
 * The parts of a conversation that only the provider can read which made them: encrypted reasoning, and signatures over
 * thoughts. They stand in messages in several spellings:
 *
 * - `reasoning_details`: entries of type `reasoning.encrypted` with `data`, texts with a `signature` (OpenRouter)
 * - `extra_content.google.thought_signature`, in messages and in calls of tools (Google)
 * - blocks of type `thinking` with a `signature`, and of type `redacted_thinking` with `data` (Anthropic)
 * - `encrypted_content` (OpenAI)
 */
import { isRecord } from '../../kernel/json-record.ts'

/** Members that are opaque whatever they stand in. */
const SEALS = new Set(['signature', 'thought_signature', 'encrypted_content'])

/** Kinds of objects whose `data` is opaque. */
const SEALED_TYPE = /encrypted|redacted/

/** What at least one of the spellings has, in JSON text: `…signature":` or `…ncrypted…` or `redacted_thinking`. */
const MARKS = ['signature":', 'ncrypted', 'redacted_thinking'].map((mark) => Buffer.from(mark))

/** Shorter ones are names or placeholders. */
const MIN_LENGTH = 16

/** Whether it is worth to look for opaque parts in this JSON. */
export function mayBeOpaque(json: Uint8Array): boolean {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
  return MARKS.some((mark) => bytes.includes(mark))
}

/** Calls back for each opaque text in a value. It meets every reply: nothing is allocated on the way. */
export function visitOpaque(value: unknown, visit: (text: string) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') visitOpaque(item, visit)
    return
  }
  if (!isRecord(value)) return
  for (const name in value) {
    const member = value[name]
    if (typeof member === 'object') visitOpaque(member, visit)
    else if (isOpaque(value, name, member)) visit(member)
  }
}

/** The value without the opaque parts that are refused; itself where there are none. What can be read stays. */
export function withoutOpaque<Value>(value: Value, isRefused: (text: string) => boolean): Value {
  const kept = strip(value, isRefused)
  // What is left of an object is an object of the same kind, less members that may be absent.
  return (kept === GONE ? undefined : kept) as Value
}

const GONE = Symbol('gone')

function strip(value: unknown, isRefused: (text: string) => boolean): unknown {
  if (Array.isArray(value)) {
    const kept = value.map((item: unknown) => strip(item, isRefused))
    if (kept.every((item, index) => item === value[index])) return value
    const left = kept.filter((item) => item !== GONE)
    return left.length === 0 ? GONE : left
  }
  if (!isRecord(value)) return value
  let kept: Record<string, unknown> | undefined
  for (const [name, member] of Object.entries(value)) {
    const isSeal = isOpaque(value, name, member)
    if (isSeal && name !== 'signature' && isRefused(member) && isAllSealed(value)) return GONE
    const left = isSeal ? (isRefused(member) ? GONE : member) : strip(member, isRefused)
    if (left === member) continue
    kept ??= { ...value }
    if (left === GONE) Reflect.deleteProperty(kept, name)
    else kept[name] = left
  }
  return kept === undefined ? value : Object.keys(kept).length === 0 ? GONE : kept
}

function isOpaque(holder: Record<string, unknown>, name: string, member: unknown): member is string {
  if (typeof member !== 'string' || member.length < MIN_LENGTH) return false
  return SEALS.has(name) || (name === 'data' && isAllSealed(holder))
}

/** An object that is nothing without its opaque part. */
function isAllSealed({ type }: Record<string, unknown>): boolean {
  return typeof type === 'string' && SEALED_TYPE.test(type)
}
