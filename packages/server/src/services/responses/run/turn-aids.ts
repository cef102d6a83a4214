/** What the turns of a response need beside the model, where its request wants more than a plain answer. */
import type { ChatCompletion, ChatCompletionChunk, ChatCompletionRequest, Reply } from '@llama-stack/api'
import { AnswerFormat, wantsFormat } from './answer-format.ts'
import type { AnswerFormatOptions, AskedTurn } from './answer-format.ts'
import type { TurnWriter } from './turn-writer.ts'

export type TurnAidsOptions = AnswerFormatOptions

type ChatReply = Reply<ChatCompletion, ChatCompletionChunk>
type Send = (request: ChatCompletionRequest) => Promise<ChatReply>

/** Undefined where none is needed: then a turn is one call of the model and nothing else. */
export function openTurnAids(options: TurnAidsOptions): Promise<TurnAids> | undefined {
  const { request } = options.plan.settled
  if (!wantsFormat(request)) return undefined
  return open(options)
}

async function open(options: TurnAidsOptions): Promise<TurnAids> {
  const { request } = options.plan.settled
  return new TurnAids({ format: wantsFormat(request) ? await AnswerFormat.open(options) : undefined })
}

export class TurnAids {
  readonly format: AnswerFormat | undefined

  constructor({ format }: { readonly format: AnswerFormat | undefined }) {
    this.format = format
  }

  /** Sends the request of a turn, in another form where the vendor refuses one. Nothing has been shown before. */
  async send(request: ChatCompletionRequest, send: Send): Promise<ChatReply> {
    for (;;) {
      try {
        // Each try is the answer to what became of the one before.
        // eslint-disable-next-line no-await-in-loop
        return await send(this.format?.apply(request) ?? request)
      } catch (error) {
        // eslint-disable-next-line no-await-in-loop -- as above
        if ((await this.format?.takeNext(error)) !== true) throw error
      }
    }
  }

  /** Finishes a turn whose answer has come in whole. */
  async settle(writer: TurnWriter, asked: AskedTurn): Promise<void> {
    await this.format?.settle(writer, asked)
  }
}
