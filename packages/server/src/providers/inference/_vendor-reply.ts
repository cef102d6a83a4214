/** Reading what a vendor answered: failures become errors of the table, JSON becomes values. */
import { isStackError, StackError } from '@llama-stack/api'
import type { UpstreamResponse } from '@llama-stack/api'
import { readAll } from '../../kernel/byte-stream.ts'
import { toProviderError } from '../../kernel/provider-failure.ts'

const MAX_ERROR_BYTES = 1024 * 1024
const MAX_JSON_BYTES = 64 * 1024 * 1024

/** A failed reply, read. */
export type VendorFailure = Parameters<typeof toProviderError>[1]

/** Whether a vendor's reply is a success. */
export function isSuccess({ status }: UpstreamResponse): boolean {
  return status < 300
}

/**
 * Gives the response back when it is a success; else reads what the vendor says and throws it. `toError` is for vendors
 * whose failures have a shape of their own.
 */
export async function expectSuccess(
  provider: string,
  response: UpstreamResponse,
  toError: (provider: string, failure: VendorFailure) => StackError = toProviderError,
): Promise<UpstreamResponse> {
  const { status, headers } = response
  if (isSuccess(response)) return response
  if (status < 400) {
    response.body.cancel()
    throw new StackError('provider_bad_reply', {
      provider,
      reason: `it redirects to '${headers['location'] ?? ''}' (status ${status}); check the configured URL`,
    })
  }
  throw toError(provider, { status, headers, bodyText: await readText(provider, response) })
}

async function readText(provider: string, response: UpstreamResponse): Promise<string> {
  try {
    return Buffer.from(await readAll(response.body, MAX_ERROR_BYTES, provider)).toString()
  } catch {
    // The status alone says enough; a body that breaks off or never ends must not hide it.
    return ''
  }
}

/** Reads a success as JSON. Throws `provider_bad_reply` where it is none. */
export async function readJson(provider: string, response: UpstreamResponse): Promise<unknown> {
  const bytes = await readAll(response.body, MAX_JSON_BYTES, provider)
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new StackError('provider_bad_reply', { provider, reason: 'the body is not JSON' }, { cause })
  }
}

/** A web framework's own 404 or 405: a vendor that refuses what was asked says so with a type. */
export function isUnknownPath(error: unknown): boolean {
  if (!isStackError(error, 'provider_invalid_request')) return false
  const { status, vendorType, vendorCode } = error.details
  return (status === 404 || status === 405) && vendorType === undefined && vendorCode === undefined
}
