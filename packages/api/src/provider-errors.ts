/** The rows of the error table that tell of providers: their replies, their absence, the limits on calling them. */
import { row, sentence } from './error-row.ts'
import type { ProviderFailure } from './error-row.ts'

const providerStatus =
  (fallback: number) =>
  (failure: ProviderFailure): number =>
    failure.status ?? fallback

/** The request met another one at the vendor, or came too early: it may pass when it is sent again. */
const isConflict = ({ status }: ProviderFailure): boolean => status === 409 || status === 425

/** Where a model is gone, another provider may still have it. */
const isElsewhere = (failure: ProviderFailure): boolean =>
  failure.status === 404 || failure.status === 410 || isConflict(failure)

const toKeyFix = (d: { header: string; env?: string }): string =>
  `${d.env === undefined ? '' : `Set ${d.env} for the server, or `}send the header X-LlamaStack-Provider-Data: {"${d.header}": "<key>"}.`

const UNREACHABLE_FIX = 'Check that it runs and that its URL is right.'
const TIMEOUT_FIX = 'Try again, or raise network.timeout.'

const vendorParam = (failure: ProviderFailure): string | undefined => failure.vendorParam ?? undefined

/** What a call to a provider may fail with. */
export const providerErrors = Object.freeze({
  provider_key_missing: row<{ provider: string; header: string; env?: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) => `No API key for provider '${d.provider}'. ${toKeyFix(d)}`,
    fix: toKeyFix,
    failover: true,
  }),
  provider_url_missing: row<{ provider: string; setting: string; env?: string; header?: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `Provider '${d.provider}' has no URL. Set ${d.setting} in its configuration${d.env === undefined ? '' : ` (${d.env})`}${d.header === undefined ? '' : `, or send the header X-LlamaStack-Provider-Data: {"${d.header}": "<url>"}`}.`,
    failover: true,
  }),
  provider_setting_missing: row<{ provider: string; setting: string; env?: string; header?: string }>({
    status: 400,
    type: 'invalid_request_error',
    message: (d) =>
      `Provider '${d.provider}' has no ${d.setting}. Set it in its configuration${d.env === undefined ? '' : ` (${d.env})`}${d.header === undefined ? '' : `, or send the header X-LlamaStack-Provider-Data: {"${d.header}": "<value>"}`}.`,
    failover: true,
  }),
  provider_unreachable: row<ProviderFailure>({
    status: 502,
    type: 'api_error',
    message: (d) => `Provider '${d.provider}' cannot be reached: ${sentence(d.reason)} ${UNREACHABLE_FIX}`,
    fix: () => UNREACHABLE_FIX,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_timeout: row<ProviderFailure>({
    status: 504,
    type: 'timeout_error',
    message: (d) => `Provider '${d.provider}' did not answer in time: ${sentence(d.reason)} ${TIMEOUT_FIX}`,
    fix: () => TIMEOUT_FIX,
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_rate_limited: row<ProviderFailure>({
    status: 429,
    type: 'rate_limit_error',
    message: (d) => d.reason,
    fix: () => 'Wait, have the vendor raise the limit, or give the alias another target.',
    retryable: true,
    failover: true,
    // A vendor that says when to come back is well.
    blames: ({ retryAfterMs }) => retryAfterMs === undefined,
  }),
  provider_quota_exceeded: row<ProviderFailure>({
    status: 429,
    type: 'insufficient_quota',
    message: (d) => d.reason,
    fix: () => 'Add credit in the account of the vendor, or use the key of another one.',
    failover: true,
    blames: true,
  }),
  provider_authentication: row<ProviderFailure>({
    status: providerStatus(401),
    type: 'authentication_error',
    message: (d) => `Provider '${d.provider}' refused the credentials: ${d.reason}`,
    fix: () => 'Check the key that this provider is configured with, and what it may be used for.',
    failover: true,
    blames: true,
  }),
  provider_content_policy: row<ProviderFailure>({
    status: providerStatus(400),
    type: 'invalid_request_error',
    message: (d) => d.reason,
    param: vendorParam,
  }),
  provider_invalid_request: row<ProviderFailure>({
    status: providerStatus(400),
    type: 'invalid_request_error',
    message: (d) => d.reason,
    param: vendorParam,
    retryable: isConflict,
    failover: isElsewhere,
  }),
  provider_internal: row<ProviderFailure>({
    status: providerStatus(502),
    type: 'api_error',
    message: (d) => `Provider '${d.provider}' failed: ${d.reason}`,
    fix: () => 'Look at the status page of the vendor, or at the log of your own server.',
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_bad_reply: row<ProviderFailure>({
    status: 502,
    type: 'api_error',
    message: (d) => `Provider '${d.provider}' sent a reply that cannot be understood: ${d.reason}`,
    fix: () => 'Check that the URL is that of the API: a proxy or a login page may answer in its place.',
    retryable: true,
    failover: true,
    blames: true,
  }),
  provider_stream_broken: row<ProviderFailure>({
    status: 502,
    type: 'api_error',
    message: (d) => `The stream of provider '${d.provider}' broke off: ${d.reason}`,
    fix: () => 'Look for a proxy on the way that ends long replies.',
    retryable: true,
    failover: true,
    blames: true,
  }),
  local_model_missing: row<{ model: string; folders: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Model '${d.model}' is not on this machine: no ONNX files of it in ${d.folders}. Run: llama models pull ${d.model}`,
    param: () => 'model',
    failover: true,
  }),
  local_model_invalid: row<{ model: string; folder: string; reason: string }>({
    status: 500,
    type: 'api_error',
    message: (d) =>
      `Model '${d.model}' in '${d.folder}' cannot be run: ${sentence(d.reason)} Delete the folder and run: llama models pull ${d.model}`,
    failover: true,
  }),
  optional_package_missing: row<{ package: string; version: string; purpose: string; install: string }>({
    status: 501,
    type: 'api_error',
    message: (d) => `${d.purpose} needs the optional package '${d.package}', which is not installed. Run: ${d.install}`,
    failover: true,
  }),
  optional_package_broken: row<{ package: string; reason: string; install: string }>({
    status: 501,
    type: 'api_error',
    message: (d) =>
      `The optional package '${d.package}' is installed but cannot be loaded: ${sentence(d.reason)} Install it again: ${d.install}`,
    failover: true,
  }),
  provider_overloaded: row<{ provider: string; reason: string; retryAfterMs: number }>({
    status: 503,
    type: 'api_error',
    message: (d) =>
      `Provider '${d.provider}' has all the calls that it may have at a time: ${sentence(d.reason)} Try again, or raise its reliability limits.`,
    retryable: true,
    failover: true,
  }),
  provider_unavailable: row<{ provider: string; model: string; lastFailure: string; retryAfterMs: number }>({
    status: 503,
    type: 'api_error',
    message: (d) =>
      `Model '${d.model}' of provider '${d.provider}' kept failing and is left alone for a while. Its last failure: ${d.lastFailure}`,
    retryable: true,
    failover: true,
  }),
  deadline_exceeded: row<{ deadlineMs: number }>({
    status: 504,
    type: 'timeout_error',
    message: (d) =>
      `There was no answer within ${d.deadlineMs} ms. Try again, or raise reliability.deadline_ms in the configuration.`,
    retryable: true,
  }),
})
