/** What a request holds, and where: so that what is refused can be named. */

export interface Placed<Value> {
  readonly value: Value
  /** `input[3]` or `tools[0]`. */
  readonly param: string
}

/** The entries of a list with their places. */
export function placeAll<Value>(values: readonly Value[], param: string): Placed<Value>[] {
  return values.map((value, index) => ({ value, param: `${param}[${index}]` }))
}
