/** Which keys of a configuration carry secrets. */

const SECRET_KEY =
  /(?:^|_)(?:api_keys?|access_key|access_key_id|api_token|auth_token|token|password|passwd|secret|secret_key)$/i

/** Tells whether the value of this key is a credential. `max_tokens` is none. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key)
}

const SECRET_LINE = /^(\s*(?:-\s+)?["']?([\w-]+)["']?\s*:\s*)(.*)$/
const HARMLESS_VALUE = /^["']?(?:\$\{env\.[A-Z0-9_]+(?::[=+])?\})*["']?\s*(?:#.*)?$|^[|>[{]/
const URL_CREDENTIALS = /(:\/\/)[^/\s@]+@/g

/** Takes the secret out of a source line, so that the line can be shown. Expressions without a default stay. */
export function redactLine(line: string): string {
  const [, start = '', key = '', value = ''] = SECRET_LINE.exec(line) ?? []
  if (isSecretKey(key) && !HARMLESS_VALUE.test(value)) return `${start}<redacted>`
  return line.replace(URL_CREDENTIALS, '$1<redacted>@')
}
