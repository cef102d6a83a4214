/** Leaving out what a file does not give. */

/** A map of settings without those that are not given. */
export type Present<Map> = { [Key in keyof Map]?: Exclude<Map[Key], null | undefined> }

/** Leaves out what is not given. */
export function present<Map extends object>(map: Map): Present<Map> {
  // The filter removes exactly what the type excludes, which fromEntries cannot say.
  return Object.fromEntries(
    Object.entries(map).filter(([, value]) => value !== null && value !== undefined),
  ) as Present<Map>
}
