/** The errors that any call to a model may end with, for the routes that make one. */
import type { ErrorCode } from './errors.ts'

/** What a call to a model may fail with. */
export const modelErrors = [
  'model_not_found',
  'model_ambiguous',
  'model_type_mismatch',
  'operation_unsupported',
  'provider_key_missing',
  'provider_url_missing',
  'provider_setting_missing',
  'provider_unreachable',
  'provider_timeout',
  'provider_rate_limited',
  'provider_quota_exceeded',
  'provider_authentication',
  'provider_content_policy',
  'provider_invalid_request',
  'provider_internal',
  'provider_bad_reply',
  'provider_stream_broken',
  'provider_overloaded',
  'provider_unavailable',
  'deadline_exceeded',
  'url_blocked',
  'fetched_content_rejected',
  'optional_package_missing',
  'optional_package_broken',
  'local_model_missing',
  'local_model_invalid',
  'recording_not_found',
] as const satisfies readonly ErrorCode[]
