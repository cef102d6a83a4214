/**
 * What the tokens of a chat request are made of: texts to count, and a number for the rest.
 *
 * The numbers are those of OpenAI. A message costs three tokens and its role, the reply begins with three: OpenAI's cookbook,
 * "How to count tokens with tiktoken". What tools and formats cost beyond their texts is not published; these constants make
 * the counts equal to the usage of recorded requests (see the tests).
 */
import type { ChatCompletionRequest, ChatMessage, ChatTool, ToolCall } from '@llama-stack/api'
import { countPicture, estimateAudio, readFileData } from './media-tokens.ts'
import type { PictureRule } from './model-encodings.ts'
import { toNamespace, toResponseFormats } from './tools-as-typescript.ts'

/** What has to be counted. */
export interface RequestParts {
  readonly texts: readonly string[]
  /** Tokens that are known without a tokenizer. */
  readonly fixed: number
  /** Whether something among it can only be guessed. */
  readonly isEstimate: boolean
}

const PER_MESSAGE = 3
const PER_NAME = 1
const START_OF_REPLY = 3
const PER_CALLING_MESSAGE = 5
const PER_PARALLEL_CALLING_MESSAGE = 8
const PER_NAMESPACE = 9
const PER_RESPONSE_FORMAT = 8
/** Tools and formats are part of the instructions, which need no message of their own then. */
const OWN_INSTRUCTIONS = 4

/** Collects while it walks; {@link finish} is what was found. */
class Parts {
  readonly #texts: string[] = []
  #fixed = 0
  #isEstimate = false

  text(...texts: readonly string[]): void {
    this.#texts.push(...texts)
  }

  fix(tokens: number): void {
    this.#fixed += tokens
  }

  estimate(tokens = 0): void {
    this.#fixed += tokens
    this.#isEstimate = true
  }

  finish(): RequestParts {
    return { texts: this.#texts, fixed: this.#fixed, isEstimate: this.#isEstimate }
  }
}

/** The names of the functions that were called, by the ids of the calls: outputs are told with them. */
export type CalledNames = ReadonlyMap<string, string>

/** What a request has beside its messages, and what every request has. */
export function toFrameParts(request: ChatCompletionRequest): RequestParts {
  const parts = new Parts()
  parts.fix(START_OF_REPLY)
  const hasInstructions = request.messages.some(({ role }) => role === 'system' || role === 'developer')
  const tools = request.tool_choice === 'none' ? [] : (request.tools ?? [])
  if (tools.length > 0) {
    parts.text(toNamespace(tools))
    parts.fix(PER_NAMESPACE - (hasInstructions ? OWN_INSTRUCTIONS : 0))
    if (hasInstructions || !tools.every(isPlain)) parts.estimate()
  }
  const format = request.response_format
  if (format?.type === 'json_schema') {
    parts.text(toResponseFormats(format.json_schema.name ?? '', format.json_schema.schema ?? {}))
    parts.fix(PER_RESPONSE_FORMAT - (hasInstructions ? OWN_INSTRUCTIONS : 0))
    if (hasInstructions || tools.length > 0) parts.estimate()
  }
  return parts.finish()
}

/** Functions whose form was compared: flat parameters, descriptions of one line. */
function isPlain({ function: definition }: ChatTool): boolean {
  const text = JSON.stringify(definition?.parameters?.['properties'] ?? {})
  return (
    definition?.description?.includes('\n') !== true && !/\\n|"(?:title|default|properties|items|\$ref)"/.test(text)
  )
}

/** What one message has. */
export function toMessageParts(message: ChatMessage, pictures: PictureRule, calledNames: CalledNames): RequestParts {
  const parts = new Parts()
  parts.fix(PER_MESSAGE)
  // The names of all roles are one token each.
  parts.fix(1)
  addContent(parts, message.content, pictures)
  if (message.role === 'assistant') addCalls(parts, message.tool_calls ?? [])
  else if (message.role === 'tool') addOutput(parts, message.tool_call_id, calledNames)
  else if (typeof message.name === 'string') {
    parts.text(message.name)
    parts.fix(PER_NAME)
  }
  if (typeof message['reasoning_content'] === 'string') {
    parts.text(message['reasoning_content'])
    parts.estimate()
  }
  return parts.finish()
}

type Content = ChatMessage['content']

function addContent(parts: Parts, content: Content, pictures: PictureRule): void {
  if (typeof content === 'string') return parts.text(content)
  for (const part of content ?? []) {
    if (part.type === 'text') parts.text(part.text)
    else if (part.type === 'refusal') parts.text(part.refusal)
    else if (part.type === 'image_url') {
      const { tokens, isEstimate } = countPicture(pictures, part.image_url.url, part.image_url.detail)
      if (isEstimate) parts.estimate(tokens)
      else parts.fix(tokens)
    } else if (part.type === 'input_audio') {
      parts.estimate(estimateAudio(part.input_audio.data, part.input_audio.format))
    } else addFile(parts, part.file)
  }
}

function addFile(parts: Parts, file: { file_data?: string | undefined; filename?: string | undefined }): void {
  parts.estimate()
  if (file.filename !== undefined) parts.text(file.filename)
  if (file.file_data === undefined) return
  const read = readFileData(file.file_data)
  if ('text' in read) parts.text(read.text)
  else parts.estimate(read.estimate)
}

/** Calls of one message that are more than one go through a function that takes a list of them. */
function addCalls(parts: Parts, calls: readonly ToolCall[]): void {
  const [first] = calls
  if (first === undefined) return
  if (calls.length === 1) {
    parts.fix(PER_CALLING_MESSAGE)
    parts.text(first.function?.name ?? '', compact(first.function?.arguments ?? ''))
    return
  }
  const uses = calls.map(({ function: called }) => {
    const parameters = compact(called?.arguments ?? '{}')
    return `{"recipient_name":"functions.${called?.name ?? ''}","parameters":${parameters}}`
  })
  parts.estimate(PER_PARALLEL_CALLING_MESSAGE)
  parts.text('multi_tool_use.parallel', `{"tool_uses":[${uses.join(',')}]}`)
}

/** Who speaks is the function. */
function addOutput(parts: Parts, callId: string, calledNames: CalledNames): void {
  const name = calledNames.get(callId)
  if (name === undefined) parts.estimate()
  else parts.text(name)
}

/** Models write arguments without spaces; clients send them with. */
function compact(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json))
  } catch {
    return json
  }
}
