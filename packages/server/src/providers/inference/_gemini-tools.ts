/** Tools and the choice between them, as Gemini takes them. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletionRequest, ChatTool } from '@llama-stack/api'
import { asRecord } from '../../kernel/json-record.ts'

/** `tools` and `toolConfig` of a request; both absent where there are no tools. */
export interface GeminiTools {
  readonly tools?: readonly object[]
  readonly toolConfig?: object
}

/**
 * Translates the tools, in the form of today or in that of OpenAI's first functions. A tool of a type of its own is one of
 * Gemini's (`{"type": "google_search"}`) and travels as it is.
 */
export function toGeminiTools(request: ChatCompletionRequest): GeminiTools {
  const { tools, functions, tool_choice: choice, function_call: legacyChoice } = request
  const declared = tools ?? functions?.map(toTool) ?? []
  if (declared.length === 0) return {}
  const declarations = declared.flatMap((tool) => toDeclaration(tool) ?? [])
  const native = declared.filter(({ type }) => type !== 'function').map(toNativeTool)
  const toolConfig = toToolConfig(choice ?? legacyChoice)
  return {
    tools: [...(declarations.length > 0 ? [{ functionDeclarations: declarations }] : []), ...native],
    ...(toolConfig !== undefined && { toolConfig }),
  }
}

function toTool(legacy: { readonly name: string }): ChatTool {
  return { type: 'function', function: legacy }
}

function toDeclaration({ type, function: of }: ChatTool): object | undefined {
  if (type !== 'function' || of === undefined) return undefined
  const { name, description, parameters } = of
  return {
    name,
    ...(typeof description === 'string' && { description }),
    // The schema as it is: unlike `parameters`, which takes a dialect of OpenAPI, this member takes JSON Schema.
    ...(parameters !== undefined && parameters !== null && { parametersJsonSchema: parameters }),
  }
}

function toNativeTool({ type, ...settings }: ChatTool): object {
  return Object.keys(settings).length > 0 ? settings : { [type]: {} }
}

function toToolConfig(choice: unknown): object | undefined {
  if (choice === undefined || choice === null || choice === 'auto') return undefined
  if (choice === 'none') return { functionCallingConfig: { mode: 'NONE' } }
  if (choice === 'required') return { functionCallingConfig: { mode: 'ANY' } }
  const { name, function: of } = asRecord(choice)
  const only = asRecord(of)['name'] ?? name
  if (typeof only === 'string') return { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [only] } }
  throw new StackError('invalid_value', {
    param: 'tool_choice',
    problem: 'this provider knows auto, none, required and a function by name',
    value: JSON.stringify(choice).slice(0, 100),
    fix: 'Choose one of these.',
  })
}
