/** Value schemas as forgiving as upstream's: a number or a boolean may stand in quotes. */
import { z } from 'zod'

/** Upstream treats an empty value like an absent one. */
export const optional = <Schema extends z.ZodType>(schema: Schema): z.ZodOptional<z.ZodNullable<Schema>> =>
  schema.nullish()

/** A whole number, in quotes or not. */
export const wholeNumber = z.preprocess(unquoteNumber, z.int())

/** A number, in quotes or not. */
export const plainNumber = z.preprocess(unquoteNumber, z.number())

/** A boolean, in quotes or not. */
export const flag = z.preprocess((value) => {
  if (value === 'true' || value === 1) return true
  return value === 'false' || value === 0 ? false : value
}, z.boolean())

/** A name, which may look like a number. */
export const nameText = z.preprocess((value) => (typeof value === 'number' ? `${value}` : value), z.string())

/** A block that is kept as it is. */
export const anyMap = z.record(z.string(), z.unknown())

function unquoteNumber(value: unknown): unknown {
  return typeof value === 'string' && /^[+-]?\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : value
}
