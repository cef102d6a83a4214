/** The rows of the error table that tell of shields. */
import { row } from './error-row.ts'

/** What a call that names a shield may fail with. */
export const safetyErrors = Object.freeze({
  shield_not_found: row<{ shield: string; param: string; nearest?: string }>({
    status: 404,
    type: 'invalid_request_error',
    message: (d) =>
      `Shield '${d.shield}' not found.${d.nearest === undefined ? '' : ` Did you mean '${d.nearest}'?`} List the shields with GET /v1/shields.`,
    param: (d) => d.param,
  }),
  shield_exists: row<{ shield: string; provider: string }>({
    status: 409,
    type: 'invalid_request_error',
    message: (d) =>
      `Shield '${d.shield}' is already registered with provider '${d.provider}'. Unregister it first with DELETE /v1/shields/${d.shield}.`,
    param: () => 'shield_id',
  }),
  guardrails_unavailable: row<{ param: string }>({
    status: 503,
    type: 'invalid_request_error',
    message: () =>
      'This server has no provider of safety, so nothing can be judged and nothing passes unjudged. Add one to providers.safety, for example inline::rules.',
    param: (d) => d.param,
  }),
})
