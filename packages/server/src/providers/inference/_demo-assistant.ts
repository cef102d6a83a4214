/**
 * `demo/assistant`: a program that behaves like a model where a program can. It calls tools, answers from what they found
 * with citations, fills schemas, and otherwise says that no model is connected. It is deterministic.
 */
import type { ChatCompletionRequest } from '@llama-stack/api'
import { answerFromPassages, answerFromResults, findPassages } from './_demo-extract.ts'
import { findReplySchema, readToolResults, readTurn } from './_demo-prompt.ts'
import type { DemoReply } from './_demo-reply.ts'
import { sampleSchema } from './_demo-sample.ts'
import { chooseTools } from './_demo-tools.ts'
import { scoreTexts } from './_lexical-rerank.ts'

const MAX_QUOTED = 160
/** How much of a follow-up question has to be in earlier results for them to be used again. */
const ENOUGH_SHARED = 0.3

/** Answers a conversation. `variant` tells the choices of one request apart, where there is room to differ. */
export function answerAsAssistant(request: ChatCompletionRequest, variant = 0): DemoReply {
  const { question, results } = readTurn(request.messages)
  const chosen = chooseTools(request, question, results.length > 0)
  if (chosen !== undefined) {
    // OpenAI ends with `stop` where the caller left no choice of tool.
    return { toolCalls: chosen.calls, ...(chosen.named ? { finishReason: 'stop' } : {}) }
  }
  const schema = findReplySchema(request)
  if (schema !== undefined) return { content: JSON.stringify(sampleSchema(schema, question, variant)) }
  if (results.length > 0) return { content: answerFromResults(question, results) }
  return { content: answerFromEarlier(request, question) ?? explain(question) }
}

/** A follow-up question may be answered by what an earlier search found. */
function answerFromEarlier(request: ChatCompletionRequest, question: string): string | undefined {
  const passages = readToolResults(request.messages).flatMap(({ text }) => findPassages(text))
  const [shared = 0] = scoreTexts(question, [passages.map(({ text }) => text).join('\n')])
  return passages.length > 0 && shared >= ENOUGH_SHARED ? answerFromPassages(question, passages) : undefined
}

function explain(question: string): string {
  const asked = question.trim().replaceAll(/\s+/g, ' ')
  const quoted = asked.length > MAX_QUOTED ? `${asked.slice(0, MAX_QUOTED)}…` : asked
  return `No model is connected, so this is the demo assistant: a program, not a language model.${
    quoted === '' ? '' : ` You wrote: “${quoted}”`
  }

To connect a model, do one of these and start the server again:
- run Ollama on this machine and pull a model, for example \`ollama pull qwen3:4b\`
- set the key of a provider, for example OPENAI_API_KEY, TOGETHER_API_KEY or GROQ_API_KEY
- name a configuration: \`llama stack run <file>\`

A request for the model \`auto\` then goes to it. What works without a model: give me tools and I call one, give me the results of a file search and I answer with citations, ask for a JSON schema and I return a value that fits. The model \`demo/scripted\` shows what real replies look like.`
}
