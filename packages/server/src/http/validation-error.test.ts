import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ChatCompletionRequest, CreateResponseRequest } from '@llama-stack/api'
import { toValidationError } from './validation-error.ts'

function errorOf(schema: z.ZodType, request: unknown): string {
  const result = schema.safeParse(request)
  if (result.success) return 'valid'
  const error = toValidationError(result.error.issues, schema, request)
  return `${error.code} ${error.param}: ${error.message}`
}

const user = { role: 'user', content: 'x' }

describe('validation errors', () => {
  it.each<[string, object, string]>([
    [
      'a number out of its range, with both bounds',
      { temperature: 7 },
      "invalid_value temperature: Invalid 'temperature': must be at most 2, got 7. Use a number from 0 to 2.",
    ],
    [
      'a number with one bound',
      { max_tokens: 0 },
      "invalid_value max_tokens: Invalid 'max_tokens': must be at least 1, got 0. Use a number of at least 1.",
    ],
    [
      'a fraction for an integer',
      { n: 1.5 },
      "invalid_value n: Invalid 'n': expected an integer, got 1.5. Send an integer.",
    ],
    [
      'a wrong type',
      { stream: 'yes' },
      `invalid_value stream: Invalid 'stream': expected a boolean, got "yes". Send a boolean.`,
    ],
    [
      'an unknown role, with the roles there are',
      { messages: [user, { role: 'robot', content: 'x' }] },
      `invalid_value messages[1].role: Invalid 'messages[1].role': expected one of 'system', 'developer', 'user', 'assistant', 'tool', 'function', got "robot". Use one of: 'system', 'developer', 'user', 'assistant', 'tool', 'function'.`,
    ],
    [
      'a missing field of the branch that the role chose',
      { messages: [{ role: 'tool', content: 'x' }] },
      "missing_field messages[0].tool_call_id: Missing required field 'messages[0].tool_call_id'. Add it to the request: a string.",
    ],
    [
      'a field within the branch of a union that the value entered',
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      "missing_field messages[0].content[0].text: Missing required field 'messages[0].content[0].text'. Add it to the request: a string.",
    ],
    [
      'a value that fits no branch of a union',
      { messages: [{ role: 'user', content: 5 }] },
      "invalid_value messages[0].content: Invalid 'messages[0].content': expected a string or an array, got 5. Send a string or an array.",
    ],
    [
      'choices and a type side by side',
      { tool_choice: 'x' },
      `invalid_value tool_choice: Invalid 'tool_choice': expected one of 'none', 'auto', 'required' or an object, got "x". Send one of 'none', 'auto', 'required' or an object.`,
    ],
    [
      'an empty list',
      { messages: [] },
      "invalid_value messages: Invalid 'messages': expected at least 1 items, got []. Use at least 1 items.",
    ],
  ])('names %s', (_name, fields, expected) => {
    expect(errorOf(ChatCompletionRequest, { model: 'm', messages: [user], ...fields })).toBe(expected)
  })

  it.each<[string, object, string]>([
    [
      'an item of an unknown type, with the types there are, once',
      { input: [{ type: 'nope' }] },
      `invalid_value input[0].type: Invalid 'input[0].type': expected one of 'message', 'reasoning', 'compaction', 'function_call', 'function_call_output', 'custom_tool_call', 'custom_tool_call_output', 'file_search_call', 'web_search_call', 'mcp_list_tools', 'mcp_call', 'mcp_approval_request', 'mcp_approval_response', 'computer_call', 'computer_call_output', 'image_generation_call', 'code_interpreter_call', 'local_shell_call', 'local_shell_call_output', 'shell_call', 'shell_call_output', 'apply_patch_call', 'apply_patch_call_output', 'tool_search_call', 'tool_search_output', 'item_reference', got "nope". Use one of these.`,
    ],
    [
      'the role of an item that has no type',
      { input: [{ content: 'x' }] },
      "missing_field input[0].role: Missing required field 'input[0].role'. Add it to the request: one of 'user', 'system', 'developer', 'assistant'.",
    ],
    [
      'a content part that the role does not have',
      { input: [{ role: 'user', content: [{ type: 'output_text', text: 'x' }] }] },
      `invalid_value input[0].content[0].type: Invalid 'input[0].content[0].type': expected one of 'input_text', 'input_image', 'input_file', got "output_text". Use one of: 'input_text', 'input_image', 'input_file'.`,
    ],
    [
      'a missing field of a tool',
      { tools: [{ type: 'mcp', server_url: 'https://example.com' }] },
      "missing_field tools[0].server_label: Missing required field 'tools[0].server_label'. Add it to the request: a string.",
    ],
    [
      'a format of an unknown kind',
      { text: { format: { type: 'xml' } } },
      `invalid_value text.format.type: Invalid 'text.format.type': expected one of 'text', 'json_object', 'json_schema', got "xml". Use one of: 'text', 'json_object', 'json_schema'.`,
    ],
  ])('of a response names %s', (_name, fields, expected) => {
    expect(errorOf(CreateResponseRequest, { model: 'm', input: 'x', ...fields })).toBe(expected)
  })

  it('names the body when the body is at fault', () => {
    expect(errorOf(ChatCompletionRequest, [1])).toBe(
      "invalid_value body: Invalid 'body': expected an object, got an array of 1. Send an object.",
    )
  })

  it('never shows what may be a secret, and cuts long values', () => {
    const schema = z.looseObject({ api_key: z.int().optional(), note: z.int().optional() })
    expect(errorOf(schema, { api_key: 'top secret' })).not.toContain('top secret')
    expect(errorOf(schema, { note: 'sk-abcdefgh' })).not.toContain('sk-')
    expect(errorOf(schema, { note: 'y'.repeat(500) }).length).toBeLessThan(200)
  })

  it('accepts explicit null where the schema says so', () => {
    expect(errorOf(ChatCompletionRequest, { model: 'm', messages: [user], temperature: null, tools: null })).toBe(
      'valid',
    )
  })

  it('names a field that a strict schema does not know', () => {
    expect(errorOf(z.strictObject({ a: z.int() }), { a: 1, b: 2 })).toContain(
      "Invalid 'b': no such field, got 2. Leave it out.",
    )
  })
})
