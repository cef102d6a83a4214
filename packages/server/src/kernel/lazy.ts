/** Constants that are made when they are first needed. */

/** Wraps the making of a constant; it is made at the first call and the same from then on. */
export function lazy<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}
