/** Where a stored response stands. */

/** One that stands so is being made, or will be. */
export const openStatuses = Object.freeze(['queued', 'in_progress'] as const)

/** The open ones, and how a response ends. */
export const responseStatuses = Object.freeze([
  ...openStatuses,
  'completed',
  'incomplete',
  'failed',
  'cancelled',
] as const)
export type ResponseStatus = (typeof responseStatuses)[number]

/** Whether a response has not ended. */
export function isOpen(status: ResponseStatus): status is (typeof openStatuses)[number] {
  return openStatuses.some((open) => open === status)
}
