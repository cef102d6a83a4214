/** A chat written by a GGUF model, as the choices of OpenAI's chunks. */
import type { ChatChunkChoice, ChatCompletion, ChatCompletionRequest } from '@llama-stack/api'
import type { ChatPlan, ToolPlan } from './_llama-chat-plan.ts'
import type { ChatWrapper, Grammar, ParamsChunk, ResponseChunk, Sequence, StopReason, Token } from './_llama-engine.ts'
import { roomFor } from './_llama-model.ts'
import type { LoadedWriter } from './_llama-model.ts'
import { toTokenBias } from './_llama-sampling.ts'

export type ChatUsage = NonNullable<ChatCompletion['usage']>
type Delta = ChatChunkChoice['delta']

export interface ChatWriting {
  readonly request: ChatCompletionRequest
  readonly plan: ChatPlan
  readonly emit: (choice: ChatChunkChoice) => void
  readonly signal: AbortSignal
  readonly newCallId: () => string
}

/** Room for what the engine itself adds around a reply: the end of a turn, and the marks of calls. */
const RESERVED_TOKENS = 16
const RESERVED_FOR_CALLS = 64

/** Writes all choices, one after the other. Rejects with `context_length_exceeded` before anything is evaluated. */
export async function writeChat(loaded: LoadedWriter, writing: ChatWriting): Promise<ChatUsage> {
  const { plan, signal } = writing
  const tokens = toPrompt(loaded, plan)
  const room = roomFor(loaded, tokens.length, {
    reserved: plan.tools === undefined ? RESERVED_TOKENS : RESERVED_FOR_CALLS,
    param: 'messages',
  })
  const maxTokens = Math.min(plan.maxTokens ?? room, room)
  const grammar =
    plan.schema === undefined ? undefined : await loaded.engine.llama.createGrammarForJsonSchema(plan.schema)
  return loaded.write({
    tokens,
    signal,
    async run(sequence, cachedTokens) {
      let reasoningTokens = 0
      const before = sequence.tokenMeter.usedOutputTokens
      for (let index = 0; index < plan.choices; index += 1) {
        const choice = new ChoiceWriter(index, writing)
        const reason = await writeChoice(loaded, sequence, { choice, maxTokens, grammar, writing })
        choice.end(reason)
        reasoningTokens += choice.reasoningTokens
      }
      const completionTokens = sequence.tokenMeter.usedOutputTokens - before
      return {
        prompt_tokens: tokens.length,
        completion_tokens: completionTokens,
        total_tokens: tokens.length + completionTokens,
        prompt_tokens_details: { cached_tokens: cachedTokens },
        completion_tokens_details: { reasoning_tokens: reasoningTokens },
      }
    },
  })
}

/** The conversation as the model reads it. */
function toPrompt({ wrapper, model }: LoadedWriter, { history, tools }: ChatPlan): readonly Token[] {
  const last = history.at(-1)
  const { contextText } = wrapper.generateContextState({
    chatHistory: last?.type === 'model' ? history : [...history, { type: 'model', response: [] }],
    availableFunctions: tools?.functions,
  })
  return contextText.tokenize(model.tokenizer)
}

interface ChoiceParts {
  readonly choice: ChoiceWriter
  readonly maxTokens: number
  readonly grammar: Grammar | undefined
  readonly writing: ChatWriting
}

async function writeChoice(
  { engine, model, wrapper }: LoadedWriter,
  sequence: Sequence,
  { choice, maxTokens, grammar, writing }: ChoiceParts,
): Promise<StopReason> {
  const { plan, signal, request } = writing
  const { tools } = plan
  const { seed, ...sampling } = plan.sampling
  const chat = new engine.module.LlamaChat({
    contextSequence: sequence,
    chatWrapper: tools?.isForced === true ? beginWithCall(wrapper) : wrapper,
  })
  try {
    const { metadata } = await chat.generateResponse(plan.history, {
      ...sampling,
      ...toTokenBias(request, engine, model),
      ...(grammar === undefined ? {} : { grammar }),
      ...(tools === undefined ? {} : toCallOptions(tools, choice)),
      seed: seed + choice.index,
      maxTokens,
      signal,
      onResponseChunk: (chunk) => choice.addText(chunk),
    })
    return metadata.stopReason
  } finally {
    chat.dispose()
  }
}

function toCallOptions({ functions, maxCalls }: ToolPlan, choice: ChoiceWriter) {
  return {
    functions,
    ...(maxCalls === undefined ? {} : { maxParallelFunctionCalls: maxCalls }),
    onFunctionCallParamsChunk: (chunk: ParamsChunk) => choice.addArguments(chunk),
  }
}

/** A template whose replies begin with a call, written as the model was trained to write calls. */
function beginWithCall(wrapper: ChatWrapper): ChatWrapper {
  return new Proxy(wrapper, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (name !== 'generateContextState') return typeof member === 'function' ? member.bind(target) : member
      return (options: Parameters<ChatWrapper['generateContextState']>[0]) => {
        const { contextText, stopGenerationTriggers } = target.generateContextState(options)
        const functionCall = { initiallyEngaged: true, disengageInitiallyEngaged: [] }
        return { contextText, stopGenerationTriggers, functionCall }
      }
    },
  })
}

/** Turns what the engine reports of one choice into deltas. */
class ChoiceWriter {
  readonly index: number
  readonly #writing: ChatWriting
  #hasBegun = false
  #calls = 0
  #heldSpace = ''
  #reasoningTokens = 0

  constructor(index: number, writing: ChatWriting) {
    this.index = index
    this.#writing = writing
  }

  get reasoningTokens(): number {
    return this.#reasoningTokens
  }

  addText({ segmentType, text, tokens }: ResponseChunk): void {
    if (segmentType !== undefined) this.#reasoningTokens += tokens.length
    if (text === '') return
    this.#begin('')
    this.#emit(segmentType === undefined ? { content: text } : { reasoning_content: text })
  }

  /** The engine ends arguments with line feeds: white space waits for what follows it. */
  addArguments({ callIndex, functionName, paramsChunk }: ParamsChunk): void {
    this.#begin(null)
    if (callIndex === this.#calls) {
      this.#calls += 1
      this.#heldSpace = ''
      const opening = { name: functionName, arguments: '' }
      this.#emit({
        tool_calls: [{ index: callIndex, id: this.#writing.newCallId(), type: 'function', function: opening }],
      })
    }
    const text = this.#heldSpace + paramsChunk
    const said = text.trimEnd()
    this.#heldSpace = text.slice(said.length)
    if (said !== '') this.#emit({ tool_calls: [{ index: callIndex, function: { arguments: said } }] })
  }

  end(reason: StopReason): void {
    this.#begin('')
    this.#emit({}, this.#toFinishReason(reason))
  }

  #toFinishReason(reason: StopReason): string {
    if (reason === 'maxTokens') return 'length'
    if (reason !== 'functionCalls') return 'stop'
    return this.#writing.plan.tools?.isNamed === true ? 'stop' : 'tool_calls'
  }

  #begin(content: string | null): void {
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#emit({ role: 'assistant', content, refusal: null })
  }

  #emit(delta: Delta, finishReason: string | null = null): void {
    this.#writing.emit({ index: this.index, delta, logprobs: null, finish_reason: finishReason })
  }
}
