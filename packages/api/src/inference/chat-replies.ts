/** What a chat completion is answered with: the reply, the chunks of a stream, and what is stored of both. */
import * as z from 'zod'
import { cursorPage } from '../wire/paging.ts'
import { CompletionUsage } from '../wire/usage.ts'
import { ToolCall } from './chat-completions.ts'

const FinishReason = z.string().describe('stop, length, tool_calls, content_filter or function_call.')

export const ChatChoice = z
  .looseObject({
    index: z.int(),
    finish_reason: FinishReason,
    message: z.looseObject({
      role: z.literal('assistant'),
      content: z.string().nullish(),
      refusal: z.string().nullish(),
      tool_calls: z.array(ToolCall).nullish(),
    }),
    logprobs: z.looseObject({}).nullish(),
  })
  .meta({ id: 'ChatChoice' })
export type ChatChoice = z.infer<typeof ChatChoice>

export const ChatCompletion = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int().describe('Unix time in seconds.'),
    model: z.string(),
    choices: z.array(ChatChoice),
    usage: CompletionUsage.nullish(),
    service_tier: z.string().nullish(),
    system_fingerprint: z.string().nullish(),
  })
  .meta({ id: 'ChatCompletion' })
export type ChatCompletion = z.infer<typeof ChatCompletion>

export const ChatChunkChoice = z
  .looseObject({
    index: z.int(),
    delta: z.looseObject({
      role: z.string().nullish(),
      content: z.string().nullish(),
      refusal: z.string().nullish(),
      tool_calls: z.array(ToolCall.extend({ index: z.int() })).nullish(),
    }),
    finish_reason: FinishReason.nullable(),
    logprobs: z.looseObject({}).nullish(),
  })
  .meta({ id: 'ChatChunkChoice' })
export type ChatChunkChoice = z.infer<typeof ChatChunkChoice>

export const ChatCompletionChunk = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion.chunk'),
    created: z.int(),
    model: z.string(),
    choices: z.array(ChatChunkChoice),
    usage: CompletionUsage.nullish(),
  })
  .meta({ id: 'ChatCompletionChunk' })
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>

/** A stored completion: OpenAI's object, and the messages that led to it (upstream's `input_messages`). */
export const StoredChatCompletion = ChatCompletion.extend({
  input_messages: z.array(z.looseObject({})),
  metadata: z.record(z.string(), z.string()).nullish(),
}).meta({ id: 'StoredChatCompletion' })
export type StoredChatCompletion = z.infer<typeof StoredChatCompletion>

/** One message of a stored completion. */
export const StoredChatMessage = z
  .looseObject({ id: z.string(), role: z.string(), content: z.unknown().optional() })
  .meta({ id: 'StoredChatMessage' })
export type StoredChatMessage = z.infer<typeof StoredChatMessage>

export const ChatCompletionPage = cursorPage(StoredChatCompletion)

export const ChatCompletionDeleted = z.looseObject({
  object: z.literal('chat.completion.deleted'),
  id: z.string(),
  deleted: z.literal(true),
})

export const ChatMessagePage = cursorPage(StoredChatMessage)
