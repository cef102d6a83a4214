/** Puts the name that the client used for a model into a reply, without serialising the reply again where possible. */

/** Replaces the model's name in JSON text. */
export type ModelRenamer = (json: string, parsed: Readonly<Record<string, unknown>>) => string

const KEY = '"model"'

/**
 * Creates a renamer to `name`. It splices the text where `"model"` occurs exactly once: within a JSON string every quote
 * is escaped, and no vendor escapes letters, so that the one occurrence is the member itself.
 */
export function createModelRenamer(name: string): ModelRenamer {
  const replacement = `${KEY}:${JSON.stringify(name)}`
  let seen: string | undefined
  let compact = ''
  let spaced = ''
  return (json, parsed) => {
    const { model } = parsed
    if (typeof model !== 'string' || model === name) return json
    if (model !== seen) {
      seen = model
      compact = `${KEY}:${JSON.stringify(model)}`
      spaced = `${KEY}: ${JSON.stringify(model)}`
    }
    const at = json.indexOf(KEY)
    const written = json.startsWith(compact, at) ? compact : spaced
    if (!json.startsWith(written, at) || json.includes(KEY, at + KEY.length)) {
      return JSON.stringify({ ...parsed, model: name })
    }
    return json.slice(0, at) + replacement + json.slice(at + written.length)
  }
}
