/** Keeping a search to some domains, or away from others. */
import type { WebSearchRequest } from '@llama-stack/api'

type Domains = Pick<WebSearchRequest, 'allowedDomains' | 'blockedDomains'>

/** Whether the request says anything about domains. */
export function filtersDomains({ allowedDomains = [], blockedDomains = [] }: Domains): boolean {
  return allowedDomains.length > 0 || blockedDomains.length > 0
}

/** Whether a page may be shown: within what is allowed, outside of what is blocked, subdomains included. */
export function isAllowed(url: string, { allowedDomains = [], blockedDomains = [] }: Domains): boolean {
  const host = URL.parse(url)?.hostname
  if (host === undefined) return false
  const isWithin = (domain: string): boolean => host === domain || host.endsWith(`.${domain}`)
  return (allowedDomains.length === 0 || allowedDomains.some(isWithin)) && !blockedDomains.some(isWithin)
}

/**
 * The query with `site:` operators, for engines that have no other way to ask. Where it would get longer than the engine
 * takes, the query stays alone: what is found is filtered in any case.
 */
export function withSiteOperators(
  { query, allowedDomains = [], blockedDomains = [] }: Domains & Pick<WebSearchRequest, 'query'>,
  maxCharacters: number,
): string {
  const allowed = allowedDomains.map((domain) => `site:${domain}`).join(' OR ')
  const operators = [
    ...(allowed === '' ? [] : [allowedDomains.length === 1 ? allowed : `(${allowed})`]),
    ...blockedDomains.map((domain) => `-site:${domain}`),
  ]
  const whole = [query, ...operators].join(' ')
  return whole.length > maxCharacters ? query : whole
}
