/** Where two JSON values differ, in few words. */
import { renderLossless } from './lossless-json.ts'
import type { LosslessJson } from './lossless-json.ts'

/** One place that differs; undefined stands for a member that is not there. */
export interface JsonDifference {
  /** `messages[0].content`; empty for the whole value. */
  readonly path: string
  readonly left: LosslessJson | undefined
  readonly right: LosslessJson | undefined
}

/** Lists the innermost places that differ. */
export function jsonDifferences(
  left: LosslessJson | undefined,
  right: LosslessJson | undefined,
  path = '',
): JsonDifference[] {
  if (left instanceof Map && right instanceof Map) {
    const keys = new Set([...left.keys(), ...right.keys()])
    return [...keys].flatMap((key) =>
      jsonDifferences(left.get(key), right.get(key), path === '' ? key : `${path}.${key}`),
    )
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    const length = Math.max(left.length, right.length)
    return Array.from({ length }, (_, at) => jsonDifferences(left[at], right[at], `${path}[${at}]`)).flat()
  }
  return isSame(left, right) ? [] : [{ path, left, right }]
}

function isSame(left: LosslessJson | undefined, right: LosslessJson | undefined): boolean {
  if (typeof left === 'string' || typeof right === 'string') return left === right
  return render(left) === render(right)
}

/** How far a difference is from none: two texts are the nearer the longer they begin alike. */
export function differenceWeight({ left, right }: JsonDifference): number {
  if (typeof left !== 'string' || typeof right !== 'string') return 1
  return 1 - commonPrefix(left, right) / Math.max(left.length, right.length, 1)
}

const EXCERPT_CHARACTERS = 60

/** Puts a difference on one line; long texts are cut around the first place where they part. */
export function describeDifference(
  { path, left, right }: JsonDifference,
  names: { left: string; right: string },
): string {
  const from = typeof left === 'string' && typeof right === 'string' ? commonPrefix(left, right) : 0
  return `${path === '' ? 'the body' : path}: ${names.left} ${excerpt(left, from)}, ${names.right} ${excerpt(right, from)}`
}

function excerpt(value: LosslessJson | undefined, from: number): string {
  if (value === undefined) return 'has none'
  const start = from > EXCERPT_CHARACTERS / 2 ? from - EXCERPT_CHARACTERS / 4 : 0
  const text = typeof value === 'string' ? value.slice(start) : render(value)
  const cut = text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text
  return typeof value === 'string' ? JSON.stringify(start > 0 ? `…${cut}` : cut) : cut
}

function commonPrefix(a: string, b: string): number {
  let at = 0
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1
  return at
}

const render = (value: LosslessJson | undefined): string => (value === undefined ? '' : renderLossless(value))
