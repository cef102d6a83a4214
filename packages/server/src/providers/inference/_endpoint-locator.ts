/** Finds the URL of a dedicated Hugging Face endpoint by its name, and remembers it. */
import { StackError } from '@llama-stack/api'
import type { Upstream } from '@llama-stack/api'
import type { CallTarget } from './_call-target.ts'
import { findAt, findText } from './_json-shape.ts'
import { withApiPath } from './_provider-settings.ts'
import type { ProviderSettings } from './_provider-settings.ts'
import { expectSuccess, readJson } from './_vendor-reply.ts'

const ACCOUNT_URL = 'https://huggingface.co/api/whoami-v2'
const ENDPOINTS_URL = 'https://api.endpoints.huggingface.cloud/v2/endpoint'

/** Gives the base URL of the configured endpoint; the target carries the credential for asking. */
export type EndpointLocator = (target: CallTarget, signal: AbortSignal) => Promise<string>

/** Prepares a locator. A name is asked once; a failure is not remembered. */
export function createEndpointLocator(provider: {
  readonly id: string
  readonly settings: ProviderSettings
  readonly upstream: Upstream
}): EndpointLocator {
  const { id, settings, upstream } = provider
  let known: string | undefined

  const get = async (url: string, target: CallTarget, signal: AbortSignal): Promise<unknown> => {
    const { headers } = target
    const response = await upstream.send({ method: 'GET', url, headers, chosenBy: 'operator', provider: id, signal })
    return readJson(id, await expectSuccess(id, response))
  }

  return async (target, signal) => {
    if (known !== undefined) return known
    const name = findText(settings.endpoint_name)
    if (name === undefined) throw new StackError('provider_url_missing', { provider: id, setting: 'endpoint_name' })
    const account = name.includes('/') ? undefined : findAt(await get(ACCOUNT_URL, target, signal), 'name')
    const path = typeof account === 'string' ? `${account}/${name}` : name
    const url = findText(findAt(await get(`${ENDPOINTS_URL}/${path}`, target, signal), 'status.url'))
    if (url === undefined) {
      throw new StackError('provider_unreachable', {
        provider: id,
        reason: `the endpoint '${path}' has no URL, it may be paused`,
      })
    }
    known = withApiPath(url, { apiPath: '/v1', isRoot: true })
    return known
  }
}
