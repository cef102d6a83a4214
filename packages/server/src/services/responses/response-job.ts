/** The kind of jobs that responses are. */
export const RESPONSE_JOB = 'response'
