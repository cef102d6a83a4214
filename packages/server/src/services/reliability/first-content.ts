/** Where the answer begins in a stream of completions: from there on, another attempt would show. */

/** A text that is not empty, parts, a call of a tool, sound, or the reason why the answer ended. */
const CONTENT =
  /"(?:content|text|refusal|reasoning|reasoning_content|arguments|finish_reason)": ?"[^"]|"(?:content|tool_calls|reasoning_details)": ?\[ ?\{|"(?:audio|function_call)": ?\{ ?"/

/** Whether bytes of whole events hold a part of the answer. Within a JSON string quotes are escaped: nothing else matches. */
export function hasContent(bytes: Uint8Array): boolean {
  return CONTENT.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))
}
