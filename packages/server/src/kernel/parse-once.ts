/** How schemas are used that are used once. */

/**
 * Passed to `parse` where a schema meets one value or few, such as a configuration: zod would compile a function for each
 * object of the schema first, which pays only for schemas that see thousands of values.
 */
export const parseOnce = Object.freeze({ jitless: true })
