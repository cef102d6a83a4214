/** Where the answer begins in a stream of completions: from there on, another attempt would show. */

/** A text that is not empty, a call of a tool, or the reason why the answer ended. */
const CONTENT =
  /"(?:content|text|refusal|reasoning|reasoning_content|arguments|finish_reason)": ?"[^"]|"(?:tool_calls|reasoning_details)": ?\[ ?\{/

/** Whether bytes of whole events hold a part of the answer. Within a JSON string quotes are escaped: nothing else matches. */
export function hasContent(bytes: Uint8Array): boolean {
  return CONTENT.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))
}
