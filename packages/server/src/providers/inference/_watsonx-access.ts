/** IBM's keys open nothing by themselves: each buys a token of IAM that is good for an hour. */
import { bug } from '@llama-stack/api'
import { sendWithToken, TokenCache } from '../../kernel/token-cache.ts'
import { withHeaders } from './_changed-request.ts'
import { findText } from './_json-shape.ts'
import { toTokenUpstream } from './_network-settings.ts'
import type { ProtocolInput, VendorAccess } from './_protocol-context.ts'
import { buyAccessToken, toForm } from './_token-service.ts'

const IAM_URL = 'https://iam.cloud.ibm.com'
const GRANT_TYPE = 'urn:ibm:params:oauth:grant-type:apikey'

/** The access of one instance, for the operator's key and for those of callers. */
export function createWatsonxAccess(input: ProtocolInput): VendorAccess {
  const { id: provider, config: settings, clock, signal } = input
  const iam = (findText(settings.iam_url) ?? IAM_URL).replace(/\/+$/, '')
  const asker = { provider, upstream: toTokenUpstream(input.upstream, settings.network), signal }
  const tokens = new TokenCache({
    provider,
    clock,
    load: (apikey) => {
      const form = toForm({ grant_type: GRANT_TYPE, apikey })
      return buyAccessToken(asker, { method: 'POST', url: `${iam}/identity/token`, ...form }, clock.now())
    },
  })
  return {
    hasIdentity: false,
    send(request, { target: { key = bug('a call to watsonx has no key') }, call, upstream }) {
      return sendWithToken(tokens, {
        key,
        signal: call.signal,
        send: (token) => upstream.send(withHeaders(request, { authorization: `Bearer ${token}` })),
      })
    },
  }
}
