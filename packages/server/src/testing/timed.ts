/**
 * The options of a test that bounds a time of less than a second. A busy machine can spoil one measurement; code that
 * is late is late each time.
 */
export const timed = { retry: 3 }
