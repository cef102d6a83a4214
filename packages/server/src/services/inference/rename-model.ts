/** Puts the name that the client used for a model into a reply, without serialising the reply again where possible. */

/** Replaces the model's name in JSON text. */
export type ModelRenamer = (json: string, parsed: Readonly<Record<string, unknown>>) => string

/**
 * Creates a renamer to `name`. It splices the text when the member occurs exactly once: within a JSON string every quote
 * is escaped, so the text can only match a real member.
 */
export function createModelRenamer(name: string): ModelRenamer {
  const replacement = `"model":${JSON.stringify(name)}`
  let seen: string | undefined
  let compact = ''
  let spaced = ''
  return (json, parsed) => {
    const { model } = parsed
    if (typeof model !== 'string' || model === name) return json
    if (model !== seen) {
      seen = model
      compact = `"model":${JSON.stringify(model)}`
      spaced = `"model": ${JSON.stringify(model)}`
    }
    return (
      splice(json, compact, replacement) ??
      splice(json, spaced, replacement) ??
      JSON.stringify({ ...parsed, model: name })
    )
  }
}

function splice(json: string, wanted: string, replacement: string): string | undefined {
  const at = json.indexOf(wanted)
  if (at === -1 || json.indexOf(wanted, at + wanted.length) !== -1) return undefined
  return json.slice(0, at) + replacement + json.slice(at + wanted.length)
}
