/** What Llama Guard answers: `safe`, or `unsafe` and the codes of what it found. */
import { StackError } from '@llama-stack/api'

/** The codes that a reply names; undefined where it says safe. Throws `provider_bad_reply` for any other words. */
export function parseGuardReply(provider: string, reply: string): readonly string[] | undefined {
  const [verdict, ...rest] = reply
    .trim()
    .split('\n')
    .map((line) => line.trim())
  if (verdict === 'safe' && rest.length === 0) return undefined
  const [list = '', ...more] = rest
  const codes = list.split(',').map((code) => code.trim())
  if (
    verdict === 'unsafe' &&
    more.length === 0 &&
    (rest.length === 0 || codes.every((code) => /^S\d{1,3}$/.test(code)))
  ) {
    return rest.length === 0 ? [] : codes
  }
  throw new StackError('provider_bad_reply', {
    provider,
    reason: `a verdict of Llama Guard was asked for, and the model said '${reply.slice(0, 100)}'`,
  })
}
