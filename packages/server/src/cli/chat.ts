/** `llama chat`: one answer into a pipe, or a conversation on a terminal. */
import { StackError } from '@llama-stack/api'
import { holdConversation } from './chat-conversation.ts'
import { streamAnswer } from './chat-stream.ts'
import type { ChatTurn } from './chat-stream.ts'
import type { CommandContext } from './command.ts'
import { toOutput } from './output.ts'
import { toServerClient } from './server-client.ts'

export interface ChatOptions {
  readonly url: string
  readonly key: string | undefined
  readonly prompt: string | undefined
  readonly model: string | undefined
  readonly system: string | undefined
  readonly 'max-tokens': number | undefined
  readonly json: boolean
  readonly quiet: boolean
}

export interface ChatInput {
  readonly args: { readonly model: string | undefined }
  readonly options: ChatOptions
  readonly context: CommandContext
}

/** Answers once or holds a conversation, and resolves to the exit code. */
export async function chat({ args, options, context }: ChatInput): Promise<number> {
  const model = args.model ?? options.model ?? 'auto'
  const system: readonly ChatTurn[] = options.system === undefined ? [] : [{ role: 'system', content: options.system }]
  const maxTokens = options['max-tokens']
  const client = toServerClient(options, context.fetch, context.interrupts.signal)
  const output = toOutput(context, options)
  const isConversation = options.prompt === undefined && context.stdin.isTTY === true && !options.json
  if (isConversation) return holdConversation({ address: options, model, system, maxTokens, context })
  const prompt = await readPrompt(options.prompt, context)
  const request = { model, messages: [...system, { role: 'user' as const, content: prompt }], maxTokens }
  let text = ''
  let answeredBy = model
  for await (const piece of streamAnswer(client, request)) {
    answeredBy = piece.model ?? answeredBy
    text += piece.text
    if (!options.json) context.stdout.write(piece.text)
  }
  output.result({ model: answeredBy, content: text }, () => (text.endsWith('\n') ? '' : '\n'))
  return 0
}

async function readPrompt(asked: string | undefined, context: CommandContext): Promise<string> {
  const piped = context.stdin.isTTY === true ? '' : await readAllText(context)
  const prompt = [asked, piped.trim()].filter((part) => part !== undefined && part !== '').join('\n\n')
  if (prompt !== '') return prompt
  throw new StackError('command_usage', {
    problem: 'There is nothing to ask.',
    fix: 'Give a prompt, llama chat -p "Say hello", or pipe text in.',
  })
}

async function readAllText(context: CommandContext): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of context.stdin) text += decoder.decode(chunk, { stream: true })
  return text + decoder.decode()
}
