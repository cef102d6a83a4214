/** `demo/scripted`: finds the exchange that a prompt begins and plays its reply. */
import { StackError } from '@llama-stack/api'
import type { ChatCompletionRequest, ProviderFailure } from '@llama-stack/api'
import type { ScriptedCall, ScriptedExchange, ScriptedFailure } from './_demo-exchange.ts'
import { readTurn } from './_demo-prompt.ts'
import type { ToolResult } from './_demo-prompt.ts'
import type { DemoReply } from './_demo-reply.ts'
import { script } from './_demo-script.ts'

/** How long a client is told to wait after a scripted rate limit. */
const RETRY_AFTER_MS = 2000

const failures: Readonly<Record<ScriptedFailure, Omit<ProviderFailure, 'provider'>>> = Object.freeze({
  provider_rate_limited: {
    reason: 'This is a scripted rate limit. Wait two seconds; the next request gets the same answer.',
    retryAfterMs: RETRY_AFTER_MS,
  },
  provider_quota_exceeded: { reason: 'This is a scripted quota error. No money was spent and none is owed.' },
  provider_internal: { reason: 'this is a scripted failure, and nothing is broken.' },
  provider_timeout: { reason: 'this is a scripted timeout' },
  provider_stream_broken: { reason: 'this is a scripted break in the middle of a reply.' },
})

/** What is the same in two ways of typing one prompt. */
export function normalisePrompt(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/['’]/g, '')
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()
}

/** Plays the exchange that a conversation's last prompt begins. `provider` is named in scripted failures. */
export function playScript(request: ChatCompletionRequest, provider: string): DemoReply {
  const { question, results } = readTurn(request.messages)
  const exchange = findExchange(question)
  if (exchange === undefined) return { content: listPrompts() }
  const { calls, error } = exchange
  if (calls !== undefined && results.length > 0) return { content: afterCalls(exchange, results) }
  const missing = calls?.filter(({ name }) => !offersTool(request, name)) ?? []
  if (missing.length > 0) return { content: askForTools(missing) }
  const content = exchange.json === undefined ? exchange.content : JSON.stringify(exchange.json)
  return {
    ...(exchange.reasoning === undefined ? {} : { reasoning: exchange.reasoning }),
    ...(content === undefined ? {} : { content }),
    ...(exchange.refusal === undefined ? {} : { refusal: exchange.refusal }),
    ...(calls === undefined ? {} : { toolCalls: calls.map(toCall) }),
    ...(exchange.finishReason === undefined ? {} : { finishReason: exchange.finishReason }),
    ...(error === undefined ? {} : { failure: new StackError(error, { provider, ...failures[error] }) }),
  }
}

function findExchange(question: string): ScriptedExchange | undefined {
  const said = normalisePrompt(question)
  return script.find(({ prompts }) => prompts.some((prompt) => normalisePrompt(prompt) === said))
}

function offersTool(request: ChatCompletionRequest, name: string): boolean {
  return request.tool_choice !== 'none' && (request.tools ?? []).some((tool) => tool.function?.name === name)
}

function askForTools(missing: readonly ScriptedCall[]): string {
  const [first] = missing
  const tool = { type: 'function', function: { name: first?.name, parameters: { type: 'object' } } }
  return `Here the script calls \`${first?.name}(${JSON.stringify(first?.arguments)})\`, but the request offers no such tool. Add this to \`tools\` and ask again: ${JSON.stringify(tool)}`
}

function afterCalls({ afterCalls: template = '{results}' }: ScriptedExchange, results: readonly ToolResult[]): string {
  // A function, because a text that tools wrote must not be read as a replacement pattern.
  return template.replace('{results}', () => results.map(({ text }) => text).join('; '))
}

function toCall({ name, arguments: of }: ScriptedCall): { name: string; arguments: string } {
  return { name, arguments: JSON.stringify(of) }
}

function listPrompts(): string {
  const prompts = script.map(({ prompts: [shown] }) => `- ${shown}`)
  return `This is a scripted demo: I only know these prompts, in any case and punctuation.\n\n${prompts.join('\n')}\n\nFor answers from your own files and tools without a model, use \`demo/assistant\`.`
}
