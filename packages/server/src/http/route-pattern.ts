/** Path templates (`/v1/models/{model_id*}`): how the router spells them, and how they are matched without it. */
import { bug } from '@llama-stack/api'

/** A compiled path template. */
export interface RoutePattern {
  readonly template: string
  /** The same in the router's notation; a template with `{name*}` becomes a prefix and a wildcard. */
  readonly routerPath: string
  /** Whether the router's own parameters suffice, or {@link RoutePattern.match} has to be asked. */
  readonly wildcard: boolean
  /** The decoded parameters of a path without its query, or undefined when the path does not fit. */
  match(path: string): Record<string, string> | undefined
}

const PARAMETER = /\{([a-z_][a-z0-9_]*)(\*?)\}/gi

const escapeRegex = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Compiles a template. */
export function toRoutePattern(template: string): RoutePattern {
  const names: string[] = []
  let source = ''
  let from = 0
  for (const found of template.matchAll(PARAMETER)) {
    const [whole, name = '', star] = found
    if (names.includes(name)) bug(`path ${template} names '${name}' twice`)
    names.push(name)
    source += escapeRegex(template.slice(from, found.index)) + (star === '*' ? '(.+?)' : '([^/]+)')
    from = found.index + whole.length
  }
  const expression = new RegExp(`^${source}${escapeRegex(template.slice(from))}/?$`)
  const wildcardAt = template.search(/\{[^}]*\*\}/)
  const head = wildcardAt === -1 ? template : template.slice(0, wildcardAt)
  return {
    template,
    routerPath: `${head.replaceAll(':', '::').replaceAll(PARAMETER, ':$1')}${wildcardAt === -1 ? '' : '*'}`,
    wildcard: wildcardAt !== -1,
    match(path) {
      const found = expression.exec(path)
      if (found === null) return undefined
      const params: Record<string, string> = {}
      for (const [index, name] of names.entries()) {
        const decoded = findDecoded(found[index + 1] ?? '')
        if (decoded === undefined) return undefined
        params[name] = decoded
      }
      return params
    },
  }
}

function findDecoded(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
