/** The domains that a web search is kept to, checked once for every engine. */
import { StackError } from '@llama-stack/api'

/** Reads domain names as people write them: any case, `*.` before them, a closing dot or slash. Throws `invalid_value`. */
export function parseDomains(domains: readonly string[] | null | undefined, param: string): readonly string[] {
  return (domains ?? []).map((domain, index) => parseDomain(domain, `${param}[${index}]`))
}

function parseDomain(written: string, param: string): string {
  const bare = written
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/^\*\./, '')
    .replace(/\.?\/?$/, '')
  // The URL parser turns names of other scripts into what URLs have in their place.
  const host = /^[^\s/?#@:"()\\]+$/.test(bare) ? URL.parse(`http://${bare}`)?.hostname : undefined
  if (host === undefined || !host.includes('.')) {
    throw new StackError('invalid_value', {
      param,
      problem: 'it is not the name of a domain',
      value: `'${written.slice(0, 100)}'`,
      fix: 'Send a name like example.com, without a scheme and without a path; its subdomains are included.',
    })
  }
  return host
}
