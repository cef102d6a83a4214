/** The route table: which patterns exist, and what to say about a path that has none. */
import { bug, StackError } from '@llama-stack/api'
import type { BoundRoute } from './bound-route.ts'
import { toRoutePattern } from './route-pattern.ts'
import type { RoutePattern } from './route-pattern.ts'

/** One way to reach a route. */
export interface RouteEntry {
  readonly bound: BoundRoute
  readonly pattern: RoutePattern
}

/** Every path of every route, aliases included, the most specific template first. */
export function toRouteEntries(routes: readonly BoundRoute[]): readonly RouteEntry[] {
  const seen = new Set<string>()
  const entries: RouteEntry[] = []
  for (const bound of routes) {
    for (const path of [bound.route.path, ...(bound.route.aliases ?? [])]) {
      const key = `${bound.route.method} ${path.replaceAll(/\{[^}*]*(\*?)\}/g, '{$1}')}`
      if (seen.has(key)) bug(`two routes answer ${key}`)
      seen.add(key)
      entries.push({ bound, pattern: toRoutePattern(path) })
    }
  }
  return entries.toSorted((a, b) => b.pattern.template.split('/').length - a.pattern.template.split('/').length)
}

/** The methods that some route accepts at this path. */
export function allowedMethods(entries: readonly RouteEntry[], path: string): readonly string[] {
  const methods = new Set<string>()
  for (const { bound, pattern } of entries) {
    if (methods.has(bound.route.method) || pattern.match(path) === undefined) continue
    methods.add(bound.route.method)
    if (bound.route.method === 'GET') methods.add('HEAD')
  }
  return [...methods]
}

/** The error for a path that the router does not know: 405 when another method would do, else 404 with the nearest route. */
export function toRouteError(entries: readonly RouteEntry[], method: string, path: string): StackError {
  const allowed = allowedMethods(entries, path)
  if (allowed.length > 0) return new StackError('method_not_allowed', { method, path, allowed: allowed.join(', ') })
  const nearest = findNearestRoute(entries, method, path)
  const details = { method, path: path.slice(0, MAX_COMPARED_LENGTH) }
  return new StackError('route_not_found', nearest === undefined ? details : { ...details, nearest })
}

/** Longer paths are cut before they are compared, so that a stranger cannot make us compute. */
const MAX_COMPARED_LENGTH = 160

function findNearestRoute(entries: readonly RouteEntry[], method: string, path: string): string | undefined {
  const wanted = path.slice(0, MAX_COMPARED_LENGTH).toLowerCase()
  // A third of the path may be wrong, which covers a forgotten or doubled `/v1`.
  let best = Math.max(3, Math.ceil(wanted.length / 3)) + 1
  let nearest: string | undefined
  for (const { bound, pattern } of entries) {
    const candidate = fillParameters(pattern.template, wanted)
    if (Math.abs(candidate.length - wanted.length) >= best) continue
    const distance = editDistance(candidate, wanted) + (bound.route.method === method ? 0 : 0.5)
    if (distance >= best) continue
    best = distance
    nearest = `${bound.route.method} ${pattern.template}`
  }
  return nearest
}

/** Puts the path's own segments where the template has parameters: those never count as a difference. */
function fillParameters(template: string, path: string): string {
  const segments = path.split('/')
  return template
    .split('/')
    .map((part, index) => (part.startsWith('{') ? (segments[index] ?? '') : part))
    .join('/')
}

/** Levenshtein's distance. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (previous[j - 1] ?? 0) + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1)
      current.push(Math.min(substituted, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
