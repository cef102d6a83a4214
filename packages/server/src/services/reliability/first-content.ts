/** Where the answer begins in a stream of completions: from there on, another attempt would show. */

/** A text that is not empty, parts, a call of a tool, sound, or the reason why the answer ended. */
const CONTENT =
  /"(?:content|text|refusal|reasoning|reasoning_content|arguments|finish_reason)": ?"[^"]|"(?:content|tool_calls|reasoning_details)": ?\[ ?\{|"(?:audio|function_call)": ?\{ ?"/

/** Whether whole events, as bytes or as Latin-1, hold a part of the answer. Within a JSON string quotes are escaped: nothing else matches. */
export function hasContent(events: Uint8Array | string): boolean {
  if (typeof events === 'string') return CONTENT.test(events)
  return CONTENT.test(Buffer.from(events.buffer, events.byteOffset, events.byteLength).toString('latin1'))
}
