/** The conversation of `llama chat` on a terminal. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { streamAnswer } from './chat-stream.ts'
import type { ChatTurn } from './chat-stream.ts'
import type { CommandContext } from './command.ts'
import { renderError } from './render-error.ts'
import { toServerClient } from './server-client.ts'
import type { ServerAddress } from './server-client.ts'
import { toTerminal } from './terminal.ts'

export interface Conversation {
  readonly address: ServerAddress
  readonly model: string
  readonly system: readonly ChatTurn[]
  readonly maxTokens: number | undefined
  readonly context: CommandContext
}

const usage = `  /model MODEL   go on with another model
  /new           forget what was said
  /quit          leave (or Ctrl-D); Ctrl-C stops an answer
`

/** Reads questions and prints answers until the end of the input. */
export async function holdConversation(conversation: Conversation): Promise<number> {
  const { context } = conversation
  const terminal = toTerminal(context.stdout, context.env)
  const output = new Writable({
    write(chunk, _encoding, done) {
      context.stdout.write(String(chunk))
      done()
    },
  })
  using readline = createInterface({
    input: context.stdin,
    output: Object.assign(output, { columns: context.stdout.columns }),
    terminal: true,
    prompt: terminal.paint('cyan', '> '),
  })
  let state: ConversationState = { model: conversation.model, messages: [...conversation.system] }
  let answering: AbortController | undefined
  readline.on('SIGINT', () => {
    if (answering === undefined) readline.close()
    else answering.abort()
  })
  // Ctrl-D may come while an answer is on its way: a closed prompt must not be shown again.
  let closed = false
  readline.on('close', () => {
    closed = true
    answering?.abort()
  })
  context.stdout.write(`${terminal.paint('dim', `${state.model} at ${conversation.address.url}   /help`)}\n`)
  readline.prompt()
  for await (const line of readline) {
    const typed = line.trim()
    if (typed === '/quit' || typed === '/exit') break
    if (typed.startsWith('/')) state = followInstruction(typed, state, conversation)
    else if (typed !== '') {
      answering = new AbortController()
      state = await answer(typed, state, { conversation, signal: answering.signal })
      answering = undefined
    }
    if (!closed) readline.prompt()
  }
  context.stdout.write('\n')
  return 0
}

interface ConversationState {
  readonly model: string
  readonly messages: readonly ChatTurn[]
}

function followInstruction(
  typed: string,
  state: ConversationState,
  { system, context }: Conversation,
): ConversationState {
  const [word, value] = typed.split(/\s+/, 2)
  if (word === '/new') return { ...state, messages: [...system] }
  if (word === '/model' && value !== undefined) return { ...state, model: value }
  context.stdout.write(usage)
  return state
}

async function answer(
  question: string,
  state: ConversationState,
  { conversation, signal }: { conversation: Conversation; signal: AbortSignal },
): Promise<ConversationState> {
  const { context, address, maxTokens } = conversation
  const terminal = toTerminal(context.stdout, context.env)
  const messages: readonly ChatTurn[] = [...state.messages, { role: 'user', content: question }]
  const client = toServerClient(address, context.fetch, signal)
  let content = ''
  try {
    for await (const piece of streamAnswer(client, { model: state.model, messages, maxTokens })) {
      context.stdout.write(terminal.paint('dim', piece.reasoning) + piece.text)
      content += piece.text
    }
  } catch (error) {
    if (!signal.aborted) {
      context.stderr.write(
        renderError(error, { terminal: toTerminal(context.stderr, context.env), json: false, verbose: false }),
      )
      return state
    }
  }
  context.stdout.write('\n')
  return { ...state, messages: [...messages, { role: 'assistant', content }] }
}
