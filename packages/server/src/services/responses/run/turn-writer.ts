/** One turn of the model, written into the output while it comes in: what it thinks, says and calls. */
import type { ItemType } from '../item-ids.ts'
import type { ItemIds } from '../item-ids-of-response.ts'
import type { CompletionUsage, LogProb, ResponseUsage } from '@llama-stack/api'
import type { ChatDeltaSink, ToolCallPiece } from '../chat/chat-delta-sink.ts'
import type { Turn } from '../chat/assistant-turn.ts'
import { CallWriter } from '../output/call-writer.ts'
import type { CallStart } from '../output/call-writer.ts'
import { MessageWriter } from '../output/message-writer.ts'
import type { EndStatus } from '../output/message-writer.ts'
import type { Output } from '../output/output.ts'
import { ReasoningWriter } from '../output/reasoning-writer.ts'
import type { KnownTool } from '../tools/server-tool.ts'
import type { RestoredItem } from './restored-output.ts'
import type { WrittenSummary } from './thought-summary.ts'
import { addUsage, toUsage } from './usage.ts'

/** What the model calls, and the item that shows it. */
export interface TurnCall {
  /** The vendor's place of the call, as the model is told it again. */
  readonly index: number
  readonly callId: string
  readonly name: string
  /** As the model wrote it, not yet read. */
  readonly arguments: string
  /** Undefined: no tool has this name. */
  readonly tool: KnownTool | undefined
  /** Why the call may not be made. Its arguments are gone. */
  readonly objection?: string | undefined
  /** What else the provider said of it and wants back. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined
  /** Of the item that shows it. */
  readonly itemId: string
  /** The item, where it was begun while the arguments came in. */
  readonly writer: CallWriter | undefined
  /** The request that somebody has approved. */
  readonly approvalId?: string
  /** An earlier process has begun the item, and may have finished it. */
  readonly restored?: RestoredItem | undefined
}

/** What text becomes before it is shown. */
export interface TextFilter {
  /** What may be shown now. */
  add(piece: string): ShownText | Promise<ShownText>
  end(): ShownText | Promise<ShownText>
}

export interface ShownText {
  readonly text: string
  readonly annotations?: readonly object[]
  /** The text may not go on; this is said instead. */
  readonly refusal?: string
}

export interface TurnWriterOptions {
  readonly output: Output
  readonly ids: ItemIds
  readonly findTool: (name: string) => KnownTool | undefined
  /** Absent: text is shown as it comes. */
  readonly filter?: TextFilter | undefined
  /** The same for thoughts, from their first word on each time. */
  readonly openThoughtFilter?: (() => TextFilter) | undefined
  /** Calls are not shown until they have been judged. Default: false. */
  readonly holdsCalls?: boolean
  /** Text is not shown, because what is shown is made of it at the end. Default: false. */
  readonly holdsText?: boolean
  /** Seals the thoughts for a client that keeps the conversation itself. */
  readonly seal?: ((thoughts: string) => string) | undefined
  /** Writes what was thought in fewer words, while the answer comes in. Absent: nobody wants that. */
  readonly summarise?: ((thoughts: string) => Promise<WrittenSummary>) | undefined
  /** The answer was refused: the model need not go on. */
  readonly onRefused: () => void
}

/** What the item of a call that the client makes says beside the call. */
export function toClientMembers({ callId, tool }: Pick<TurnCall, 'callId' | 'tool'>): CallStart['members'] {
  const namespace = tool?.kind === 'server' ? undefined : tool?.namespace
  return { call_id: callId, ...(namespace !== undefined && { namespace }) }
}

/** What kind of item shows a call of this tool. */
function itemTypeOf(known: KnownTool): ItemType {
  if (known.kind !== 'server') return known.kind === 'custom' ? 'custom_tool_call' : 'function_call'
  return known.tool.needsApproval ? 'mcp_approval_request' : known.tool.type
}

interface OpenCall {
  readonly index: number
  callId: string
  name: string
  arguments: string
  tool: KnownTool | undefined
  itemId: string
  writer: CallWriter | undefined
  extra: Readonly<Record<string, unknown>> | undefined
}

interface SummarisedThoughts {
  readonly writer: ReasoningWriter
  readonly status: EndStatus
  readonly summary: Promise<WrittenSummary>
}

export class TurnWriter implements ChatDeltaSink {
  readonly #options: TurnWriterOptions
  readonly #calls = new Map<number, OpenCall>()
  #judgedCalls: readonly TurnCall[] | undefined
  #message: MessageWriter | undefined
  #reasoning: ReasoningWriter | undefined
  /** Thoughts that are over and wait for their summaries. */
  readonly #summarised: SummarisedThoughts[] = []
  /** Filters that ask somebody work one after the other. */
  #showing: Promise<void> | undefined
  #filterFailure: { readonly error: unknown } | undefined
  /** The whole text, as the model wrote it. */
  rawText = ''
  #heldLogprobs: LogProb[] | undefined
  /** What a filter has let through. */
  #passedText = ''
  #refusal = ''
  #thoughts = ''
  #passedThoughts = ''
  #thoughtFilter: TextFilter | undefined
  finishReason: string | undefined
  /** What the turn used; null where nobody told. */
  tokens: ResponseUsage | null = null
  /** What was used beside it. */
  tokensBeside: ResponseUsage | null = null
  servedTier: string | null = null
  /** What only the provider can read and wants back with the message. */
  #extra: Readonly<Record<string, unknown>> | undefined
  isRefused = false
  /** What is wrong with an answer that had to follow a schema; empty where nothing is, or nobody asked. */
  faults: readonly string[] = []

  constructor(options: TurnWriterOptions) {
    this.#options = options
  }

  text(piece: string, logprobs?: readonly LogProb[]): void {
    this.rawText += piece
    if (this.#options.holdsText === true) {
      if (logprobs !== undefined) (this.#heldLogprobs ??= []).push(...logprobs)
      return
    }
    if (this.isRefused) return
    const { filter } = this.#options
    this.#endThoughtFilter()
    if (filter === undefined) this.#writing().addText(piece, logprobs)
    else this.#show(() => filter.add(piece))
  }

  texts(pieces: readonly string[]): void {
    const { filter, holdsText } = this.#options
    if (filter !== undefined || holdsText === true || this.isRefused) {
      for (const piece of pieces) this.text(piece)
      return
    }
    this.rawText += pieces.join('')
    this.#endThoughtFilter()
    this.#writing().addTexts(pieces)
  }

  reasoning(piece: string, isInline = false): void {
    if (!isInline) this.#thoughts += piece
    const { openThoughtFilter } = this.#options
    if (openThoughtFilter === undefined) this.#thinking().addText(piece)
    else if (!this.isRefused) {
      const filter = (this.#thoughtFilter ??= openThoughtFilter())
      this.#show(
        () => filter.add(piece),
        (text) => this.#think(text, isInline),
      )
    }
  }

  refusal(piece: string): void {
    this.#refusal += piece
    this.#writing().addRefusal(piece)
  }

  toolCall(index: number, piece: ToolCallPiece): void {
    const call = this.#calls.get(index) ?? this.#beginCall(index)
    if (piece.id !== undefined) call.callId = piece.id
    if (piece.name !== undefined) this.#nameCall(call, piece.name)
    if (piece.extra !== undefined) call.extra = piece.extra
    if (piece.arguments === '') return
    call.arguments += piece.arguments
    if (call.tool?.kind !== 'custom') call.writer?.addArgument(piece.arguments)
  }

  finish(reason: string): void {
    this.finishReason = reason
  }

  /** A chat stream tells its sum, some vendors more than once. */
  usage(usage: CompletionUsage): void {
    this.tokens = toUsage(usage)
  }

  serviceTier(tier: string): void {
    this.servedTier = tier
  }

  extra(members: Readonly<Record<string, unknown>>): void {
    this.#extra = members
  }

  /** What later turns are told that was said: of an answer that was refused, what was shown of it. */
  get said(): Pick<Turn, 'text' | 'refusal' | 'reasoning' | 'extra'> {
    const refusal = this.#refusal
    if (this.isRefused) return { text: this.#passedText, refusal, reasoning: this.#passedThoughts }
    return { text: this.rawText, refusal, reasoning: this.#thoughts, extra: this.#extra }
  }

  /** The calls of the turn, in their order. */
  get calls(): readonly TurnCall[] {
    if (this.#judgedCalls !== undefined) return this.#judgedCalls
    return [...this.#calls.values()].toSorted((a, b) => a.index - b.index)
  }

  /** Whether the model itself said that it will not answer. */
  get declines(): boolean {
    return this.#refusal !== ''
  }

  async judgeCalls(judge: (calls: readonly TurnCall[]) => Promise<readonly TurnCall[]>): Promise<void> {
    this.#judgedCalls = await judge(this.calls)
  }

  /** Takes calls out that are no calls of tools. */
  takeCalls(isMeant: (name: string) => boolean): readonly TurnCall[] {
    const taken = this.calls.filter(({ name }) => isMeant(name))
    for (const { index } of taken) this.#calls.delete(index)
    return taken
  }

  /** Shows what takes the place of a text that was held: to whoever reads on, it is what the model said. */
  say(text: string): void {
    const { filter } = this.#options
    const logprobs = text === this.rawText ? this.#heldLogprobs : undefined
    this.rawText = text
    if (filter !== undefined) this.#show(() => filter.add(text))
    else if (text !== '') this.#writing().addText(text, logprobs)
  }

  annotate(annotations: readonly object[]): void {
    if (annotations.length === 0) return
    const message = this.#writing()
    for (const annotation of annotations) message.annotate(annotation)
  }

  /** Waits until all that came in is shown. Rejects where it could not be judged. */
  async drain(): Promise<void> {
    const { filter } = this.#options
    this.#endThoughtFilter()
    if (filter !== undefined && this.rawText !== '' && !this.isRefused) this.#show(() => filter.end())
    while (this.#showing !== undefined) await this.#showing
    if (this.#filterFailure !== undefined) throw this.#filterFailure.error
  }

  /** Waits for the summaries of what was thought. */
  async addSummaries(status: EndStatus): Promise<void> {
    this.#endReasoning(status)
    for (const { writer, status: ended, summary } of this.#summarised.splice(0)) {
      // They were asked for as soon as they could be.
      // eslint-disable-next-line no-await-in-loop
      const { text, usage } = await summary
      if (text !== undefined && !this.isRefused) writer.addSummary(text)
      this.tokensBeside = addUsage(this.tokensBeside, usage)
      writer.close(ended)
    }
  }

  /** Ends what is said and thought; calls stay open until they are made. */
  endText(status: EndStatus): void {
    this.#endReasoning(status)
    this.#message?.close(status)
    this.#message = undefined
  }

  #beginCall(index: number): OpenCall {
    const call: OpenCall = {
      index,
      callId: '',
      name: '',
      arguments: '',
      tool: undefined,
      itemId: '',
      writer: undefined,
      extra: undefined,
    }
    this.#calls.set(index, call)
    return call
  }

  #nameCall(call: OpenCall, name: string): void {
    const { output, ids, findTool, holdsCalls = false } = this.#options
    call.name = name
    call.tool = findTool(name)
    if (holdsCalls) {
      if (call.tool !== undefined) call.itemId = ids.next(itemTypeOf(call.tool))
      return
    }
    this.#endReasoning('completed')
    this.#endMessageFor(call)
    if (call.tool === undefined) return
    call.itemId = ids.next(itemTypeOf(call.tool))
    if (itemTypeOf(call.tool) === 'mcp_call' && call.tool.kind === 'server') {
      const members = { server_label: call.tool.tool.serverLabel, approval_request_id: null }
      call.writer = new CallWriter(output, { kind: 'mcp_call', id: call.itemId, name, members })
    } else if (call.tool.kind !== 'server') {
      const kind = call.tool.kind === 'custom' ? 'custom_tool_call' : 'function_call'
      call.writer = new CallWriter(output, { kind, id: call.itemId, name, members: toClientMembers(call) })
    }
  }

  /** What is said before a call is a message of its own. A filter may still hold some of it: then it stays open. */
  #endMessageFor(call: OpenCall): void {
    if (call.tool === undefined || this.#options.filter !== undefined) return
    this.#message?.close('completed')
    this.#message = undefined
  }

  #writing(): MessageWriter {
    this.#endReasoning('completed')
    return (this.#message ??= new MessageWriter(this.#options.output, this.#options.ids.next('message')))
  }

  #thinking(): ReasoningWriter {
    return (this.#reasoning ??= new ReasoningWriter(this.#options.output, this.#options.ids.next('reasoning')))
  }

  /** Shows thoughts that have passed their filter. */
  #think(text: string, isInline = false): void {
    if (text === '') return
    if (!isInline) this.#passedThoughts += text
    this.#thinking().addText(text)
  }

  /** Thoughts that follow are others. */
  #endThoughtFilter(): void {
    const filter = this.#thoughtFilter
    if (filter === undefined || this.isRefused) return
    this.#thoughtFilter = undefined
    const isInline = this.#thoughts === ''
    this.#show(
      () => filter.end(),
      (text) => this.#think(text, isInline),
    )
  }

  #endReasoning(status: EndStatus): void {
    const { seal, summarise } = this.#options
    const writer = this.#reasoning
    if (writer === undefined) return
    this.#reasoning = undefined
    if (seal !== undefined) writer.seal(seal(writer.text))
    if (summarise === undefined || writer.text === '') {
      writer.close(status)
      return
    }
    const summary = summarise(writer.text)
    // Nobody waits for it where the run breaks.
    summary.catch(() => undefined)
    this.#summarised.push({ writer, status, summary })
  }

  #show(ask: () => ShownText | Promise<ShownText>, show = (text: string): void => this.#showText(text)): void {
    if (this.#showing === undefined) {
      const shown = ask()
      if (shown instanceof Promise) this.#wait(shown, show)
      else this.#accept(shown, show)
      return
    }
    this.#wait(
      this.#showing.then(async () => (this.isRefused ? { text: '' } : ask())),
      show,
    )
  }

  #wait(shown: Promise<ShownText>, show: (text: string) => void): void {
    const waiting: Promise<void> = shown
      .then(
        (text) => this.#accept(text, show),
        (error: unknown) => {
          this.#filterFailure ??= { error }
          this.isRefused = true
          this.#options.onRefused()
        },
      )
      .finally(() => {
        if (this.#showing === waiting) this.#showing = undefined
      })
    this.#showing = waiting
  }

  #showText(text: string): void {
    this.#passedText += text
    if (text !== '') this.#writing().addText(text)
  }

  #accept({ text, annotations = [], refusal }: ShownText, show: (text: string) => void): void {
    if (this.isRefused) return
    show(text)
    this.annotate(annotations)
    if (refusal === undefined) return
    this.isRefused = true
    this.#refusal += refusal
    this.#writing().addRefusal(refusal)
    this.#options.onRefused()
  }
}
