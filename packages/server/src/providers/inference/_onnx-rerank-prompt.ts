/** The prompt of Qwen3-Reranker, as its card has it: the answer is the next token, `yes` or `no`. */
import type { ModelTokenizer, TokenSequence } from './_onnx-tokenizer.ts'

const BEFORE =
  '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. ' +
  'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
const AFTER = '<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'
const INSTRUCTION = 'Given a web search query, retrieve relevant passages that answer the query'

/** Makes the function that puts a query and a text into the prompt; the end of a long text is left out. */
export function toPrompter(tokenizer: ModelTokenizer, maxTokens: number) {
  const before = tokenizer.cut(BEFORE, maxTokens)
  const after = tokenizer.cut(AFTER, maxTokens)
  const room = Math.max(0, maxTokens - before.length - after.length)
  return (query: string, text: string): TokenSequence => {
    const asked = tokenizer.cut(`<Instruct>: ${INSTRUCTION}\n<Query>: ${query}\n<Document>: ${text}`, room)
    const ids = [...before, ...asked.slice(0, room), ...after]
    return { ids, types: ids.map(() => 0) }
  }
}
