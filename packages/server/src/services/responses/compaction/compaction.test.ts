import { isStackError } from '@llama-stack/api'
import type { ChatCompletion, ChatCompletionRequest, ChatMessage, ItemResource } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../kernel/clock.ts'
import { createIds } from '../../../kernel/ids.ts'
import { createPassingKey } from '../../../kernel/secret-key.ts'
import { Compaction } from './compaction.ts'
import { createSummarySeal } from './sealed-summary.ts'
import { DEFAULT_SUMMARY_PROMPT, readSummary, toSummaryRequest } from './summary-request.ts'
import type { CompactionSettings } from './summary-request.ts'

const keys = createPassingKey()
const seal = createSummarySeal(keys)

function create(settings: CompactionSettings = {}): Compaction {
  return new Compaction({ settings, seal, ids: createIds(), clock: systemClock })
}

function answer(content: string | null): ChatCompletion {
  return {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
    usage: {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 2 },
    },
  }
}

const usage = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 4 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 2 },
  total_tokens: 15,
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isStackError(error, 'invalid_value')) return error.message
  }
  return 'not refused'
}

describe('a sealed summary', () => {
  test('is opened by every server with the key, and read by nobody else', () => {
    const sealed = seal.seal('They agreed on Oslo. 🙂')
    expect(sealed).not.toContain('Oslo')
    expect(Buffer.from(sealed.slice(7), 'base64url').toString()).not.toContain('Oslo')
    expect(createSummarySeal(keys).open(sealed)).toBe('They agreed on Oslo. 🙂')
    expect(seal.seal('They agreed on Oslo. 🙂')).not.toBe(sealed)
    expect(refusal(() => createSummarySeal(createPassingKey()).open(sealed))).toContain('another key')
  })

  test('that was changed anywhere is refused', () => {
    const sealed = seal.seal('They agreed on Oslo.')
    for (let at = 7; at < sealed.length; at += 5) {
      const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
      expect(refusal(() => seal.open(changed))).toContain('was changed')
    }
    expect(refusal(() => seal.open(sealed.slice(0, 20)))).toContain('was changed')
  })

  test('in plain text is upstream’s, and one of OpenAI’s is for OpenAI', () => {
    expect(seal.open('The user asked for a landing page.')).toBe('The user asked for a landing page.')
    expect(refusal(() => seal.open(`gAAAAABpM0Yj${'x'.repeat(100)}==`))).toContain('encrypted by OpenAI')
  })
})

describe('the request for a summary', () => {
  const messages: readonly ChatMessage[] = [
    { role: 'user', content: 'Weather?' },
    {
      role: 'assistant',
      content: '',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
    },
    { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'Snow' }] },
  ]

  test('is the conversation, then the prompt, and nothing else', () => {
    const request = toSummaryRequest({ model: 'm', messages, settings: {}, asRecorded: true })
    const prompt = { role: 'user', content: DEFAULT_SUMMARY_PROMPT }
    expect(request).toEqual({ model: 'm', messages: [...messages, prompt], stream: false })
  })

  test('has the caller’s instructions before the prompt, and the operator’s wishes', () => {
    const settings = { summarizationPrompt: 'Sum up.', summarizationModel: 'small' }
    const asked = { model: 'm', messages: [], settings, instructions: 'Mind the names.', promptCacheKey: 'k' }
    expect(toSummaryRequest(asked)).toEqual({
      model: 'small',
      messages: [{ role: 'user', content: 'Mind the names.\n\nSum up.' }],
      stream: false,
      prompt_cache_key: 'k',
    })
  })

  test('tells calls of tools as text, since it offers none', () => {
    expect(toSummaryRequest({ model: 'm', messages, settings: {} }).messages.slice(0, 3)).toEqual([
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: '[Call of the tool weather with {"city":"Oslo"}]' },
      { role: 'user', content: '[Output of a tool]\nSnow' },
    ])
  })

  test('needs an answer with words', () => {
    expect(readSummary(answer(' So it was. '))).toEqual({ text: 'So it was.', usage })
    for (const empty of [' ', null]) {
      expect(() => readSummary(answer(empty))).toThrow('the summary is empty')
    }
  })
})

describe('compaction', () => {
  const question: ItemResource = {
    type: 'message',
    id: 'msg_1',
    role: 'user',
    status: 'completed',
    content: [{ type: 'input_text', text: 'Weather?' }],
  }
  const reply: ItemResource = {
    type: 'message',
    id: 'msg_2',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'Snow', annotations: [], logprobs: [] }],
  }

  test('on request gives what the user said and one item for the rest', async () => {
    const compaction = create()
    const asked: ChatCompletionRequest[] = []
    const compacted = await compaction.compact({
      model: 'm',
      items: [question, reply],
      messages: [{ role: 'user', content: 'Weather?' }],
      ask: (request) => {
        asked.push(request)
        return Promise.resolve(answer('It snows.'))
      },
    })
    expect(compacted).toMatchObject({ object: 'response.compaction', id: expect.stringMatching(/^resp_/), usage })
    expect(compacted.output).toEqual([question, expect.objectContaining({ type: 'compaction' })])
    const item = compacted.output[1]
    expect(item?.id).toMatch(/^cmp_/)
    expect(item?.type === 'compaction' && compaction.expand(item.encrypted_content)).toBe('It snows.')
    expect(asked).toHaveLength(1)
  })

  test('by itself puts the summary in place of what was before the last turn', async () => {
    const compaction = create({ summaryPrefix: 'Until now: ' })
    const history: readonly ChatMessage[] = [
      { role: 'user', content: 'a'.repeat(100) },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]
    const grown = {
      model: 'm',
      history,
      count: (messages: readonly ChatMessage[]) => Promise.resolve(JSON.stringify(messages).length),
      ask: () => Promise.resolve(answer('A and b.')),
    }
    expect(await compaction.compactHistory({ ...grown, threshold: 1000 })).toBeUndefined()
    const compacted = await compaction.compactHistory({ ...grown, threshold: 100 })
    expect(compacted?.history).toEqual([
      { role: 'assistant', content: 'Until now: A and b.' },
      { role: 'user', content: 'c' },
    ])
    expect(compacted?.item).toMatchObject({ type: 'compaction', id: expect.stringMatching(/^cmp_/) })
    const { encrypted_content: sealed } = compacted?.item ?? { encrypted_content: '' }
    // The item carries what the conversation goes on with: nothing before it is needed.
    expect(compaction.expandHistory(sealed)).toEqual(compacted?.history)
    expect(refusal(() => compaction.expandHistory(`${sealed.slice(0, -2)}AA`))).toContain('was changed')
    expect(compaction.expandHistory(seal.seal('A and b.'))).toBeUndefined()
    expect(compaction.expandHistory('in plain text')).toBeUndefined()
    expect(compacted?.usage).toEqual(usage)
  })

  test('by itself begins where the request says, the operator, or the context', () => {
    const by = (compact_threshold?: number) => [{ type: 'compaction' as const, compact_threshold }]
    expect(create().findThreshold(undefined, 1000)).toBeUndefined()
    expect(create().findThreshold(by(5000), 1000)).toBe(5000)
    expect(create({ defaultCompactThreshold: 7000 }).findThreshold(by(), 1000)).toBe(7000)
    expect(create().findThreshold(by(), 128_001)).toBe(102_400)
    expect(create().findThreshold(by(), undefined)).toBeUndefined()
  })
})
