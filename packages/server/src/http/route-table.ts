/** The route table: which patterns exist, and what to say about a path that has none. */
import { bug, StackError } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'
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
const MAX_LENGTH_DIFFERENCE = 20

/** Among the routes of this method first, then among all. */
function findNearestRoute(entries: readonly RouteEntry[], method: string, path: string): string | undefined {
  const wanted = path.slice(0, MAX_COMPARED_LENGTH)
  const candidates = new Map<string, string>()
  for (const { bound, pattern } of entries) {
    const filled = fillParameters(pattern.template, wanted)
    // Too different in length to be the nearest of anything: not worth a comparison.
    if (Math.abs(filled.length - wanted.length) > MAX_LENGTH_DIFFERENCE) continue
    if (bound.route.method === method || !candidates.has(filled)) {
      candidates.set(filled, `${bound.route.method} ${pattern.template}`)
    }
  }
  const ofMethod = [...candidates].filter(([, shown]) => shown.startsWith(`${method} `)).map(([filled]) => filled)
  const nearest = findNearest(wanted, ofMethod) ?? findNearest(wanted, candidates.keys())
  return nearest === undefined ? undefined : candidates.get(nearest)
}

/** Puts the path's own segments where the template has parameters: those never count as a difference. */
function fillParameters(template: string, path: string): string {
  const segments = path.split('/')
  return template
    .split('/')
    .map((part, index) => (part.startsWith('{') ? (segments[index] ?? '') : part))
    .join('/')
}
