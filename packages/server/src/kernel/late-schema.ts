/** Schemas of settings that most configurations do not have. */
import * as z from 'zod'

/**
 * A schema that is built when it first meets a value: building all of them is a good part of a start. It must not give a
 * missing value a default; `.default()` around it may. Behind `.exactOptional()` it is built for every object.
 */
export function lateSchema<Schema extends z.ZodType>(make: () => Schema): z.ZodLazy<Schema> {
  const schema = z.lazy(make)
  // `.optional()` asks this of what it wraps, at every parse, and zod would build the schema to answer.
  Object.defineProperty(schema._zod, 'optin', { value: undefined })
  return schema
}
