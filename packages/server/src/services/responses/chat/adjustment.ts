/** What a request asked for and did not get as asked: told to the caller, and refused in strict mode. */

/** One departure from the letter of a request. */
export interface Adjustment {
  /** Where in the request: `input[3]`, `tool_choice`. */
  readonly param: string
  readonly kind: 'dropped' | 'emulated'
  /** One sentence without its full stop. */
  readonly reason: string
}
