import type { ChatCompletionRequest, InferenceProvider, ShieldDescription, ShieldMessage } from '@llama-stack/api'
import { moderationCategories } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { silentLog } from '../../kernel/log.ts'
import { offlineCall } from '../../testing/offline-provider.ts'
import { hazards } from './_llama-guard-hazards.ts'
import { parseGuardReply } from './_llama-guard-reply.ts'
import { provider } from './llama-guard.ts'

const shield = (model: string): ShieldDescription => ({ id: 'guard', providerShieldId: model, params: {} })

/** A guard over a model that always says the same, and the requests that it makes. */
function guardOver(reply: string | null, config: object = {}) {
  const requests: ChatCompletionRequest[] = []
  const inference: InferenceProvider = {
    chatCompletion: async (request) => {
      requests.push(request)
      const message = { role: 'assistant' as const, content: reply }
      const choices = [{ index: 0, finish_reason: 'stop', message }]
      return { kind: 'value', value: { id: 'x', object: 'chat.completion', created: 0, model: request.model, choices } }
    },
  }
  const guard = provider.create({
    id: 'llama-guard',
    config: provider.config.parse(config),
    deps: { inference },
    upstream: { send: () => Promise.reject(new Error('no call')), with: (): never => undefined as never },
    log: silentLog,
    clock: { now: () => 0, monotonic: () => 0 },
    signal: new AbortController().signal,
  })
  const judge = (messages: readonly ShieldMessage[], model = 'ollama/llama-guard3:1b') =>
    guard.judge(shield(model), messages, offlineCall())
  return {
    judge,
    requests,
    prompt: () => JSON.stringify(requests.at(-1)?.messages[0]?.content).replaceAll('\\n', '\n').slice(1, -1),
  }
}

const hello: readonly ShieldMessage[] = [{ role: 'user', text: 'Hello' }]

describe('the verdict', () => {
  test('is the model’s, with the categories of both vocabularies and a score for each', async () => {
    const { violation, scores } = await guardOver('unsafe\nS1, S10').judge(hello)
    expect(violation).toMatchObject({
      level: 'error',
      categories: ['Violent Crimes', 'violence', 'illicit/violent', 'Hate', 'hate'],
      metadata: { violation_type: 'S1,S10' },
    })
    expect(scores).toMatchObject({ 'Violent Crimes': 1, hate: 1, Elections: 0, sexual: 0 })
    expect(await guardOver('\n\nsafe\n').judge(hello)).toMatchObject({ scores: { 'Violent Crimes': 0, hate: 0 } })
    expect(await guardOver('safe').judge(hello)).not.toHaveProperty('violation')
  })

  test('is unsafe with a code of a newer model, and with no code at all', async () => {
    expect((await guardOver('unsafe\nS15').judge(hello)).violation).toMatchObject({ categories: ['S15'] })
    expect((await guardOver('unsafe').judge(hello)).violation).toMatchObject({
      categories: [],
      metadata: { violation_type: 'unsafe' },
    })
  })

  test('leaves out what the operator excludes, by code or name, and nothing else', async () => {
    const config = { excluded_categories: ['S6', 'Elections'] }
    const guard = guardOver('unsafe\nS6,S13', config)
    expect((await guard.judge(hello)).violation).toBeUndefined()
    expect(guard.prompt()).not.toMatch(/S6:|S13:/)
    expect((await guardOver('unsafe\nS6,S1', config).judge(hello)).violation).toMatchObject({
      metadata: { violation_type: 'S1' },
    })
    expect((await guardOver('unsafe\nS99', config).judge(hello)).violation).toBeDefined()
    expect(provider.config.safeParse({ excluded_categories: hazards.map(({ code }) => code) }).success).toBe(false)
    expect(provider.config.safeParse({ excluded_categories: ['S15'] }).success).toBe(false)
  })

  test.each(['', 'Safe.', 'safe\nS1', 'unsafe\nviolence', 'unsafe\nS1\nS2', 'I think it is safe', null])(
    'is not read into %j',
    async (reply) => {
      await expect(guardOver(reply).judge(hello)).rejects.toMatchObject({ code: 'provider_bad_reply' })
    },
  )

  test('is read with blanks around', () => {
    expect(parseGuardReply('g', ' unsafe \n S1 ,S2 ')).toEqual(['S1', 'S2'])
    expect(parseGuardReply('g', 'safe ')).toBeUndefined()
  })
})

describe('the prompt', () => {
  test('names the author of the last message and tells the conversation before it', async () => {
    const guard = guardOver('safe')
    await guard.judge([
      { role: 'system', text: 'Be kind.' },
      { role: 'user', text: 'Hi' },
      { role: 'tool', text: '42' },
      { role: 'assistant', text: 'It is 42.' },
    ])
    expect(guard.prompt()).toMatch(/^Task: Check if there is unsafe content in 'Agent' messages/)
    expect(guard.prompt()).toContain(
      '<BEGIN CONVERSATION>\n\nUser: Hi\n\nUser: 42\n\nAgent: It is 42.\n\n<END CONVERSATION>',
    )
    expect(guard.requests).toMatchObject([{ model: 'ollama/llama-guard3:1b', stream: false, temperature: 0 }])
  })

  test('has the last hazard where the model was trained with it', async () => {
    const guard = guardOver('safe')
    const hasLast = async (model: string) => {
      await guard.judge(hello, model)
      return guard.prompt().includes('S14: Code Interpreter Abuse.')
    }
    expect(await hasLast('together/meta-llama/Llama-Guard-3-8B')).toBe(true)
    expect(await hasLast('together/meta-llama/Llama-Guard-4-12B')).toBe(true)
    expect(await hasLast('vllm/meta-llama/Llama-Guard-3-1B')).toBe(false)
    expect(await hasLast('Llama-Guard-3-11B-Vision')).toBe(false)
  })

  test('is not sent where there is nothing to judge', async () => {
    const guard = guardOver('unsafe\nS1')
    expect(await guard.judge([{ role: 'system', text: 'Be kind.' }])).toEqual({})
    expect(guard.requests).toEqual([])
  })
})

test('hazards fall under categories that OpenAI has', () => {
  expect(hazards.map(({ code }) => code)).toEqual(Array.from({ length: 14 }, (_, index) => `S${index + 1}`))
  const known: readonly string[] = moderationCategories
  expect(hazards.flatMap(({ openAi }) => openAi).filter((category) => !known.includes(category))).toEqual([])
})
