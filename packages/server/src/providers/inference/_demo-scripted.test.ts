import type { ChatCompletionRequest } from '@llama-stack/api'
import { describe, expect, it } from 'vitest'
import { createOfflineProvider, offlineCall } from '../../testing/offline-provider.ts'
import { script } from './_demo-script.ts'
import { normalisePrompt, playScript } from './_demo-scripted.ts'
import { provider } from './demo.ts'

const weather = { type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }

function play(content: string, more: Partial<ChatCompletionRequest> = {}) {
  return playScript({ model: 'scripted', messages: [{ role: 'user', content }], ...more }, 'demo')
}

describe('the script', () => {
  it('is about forty exchanges long and shows each feature', () => {
    expect(script.length).toBeGreaterThanOrEqual(40)
    expect(script.some(({ reasoning }) => reasoning !== undefined)).toBe(true)
    expect(script.some(({ refusal }) => refusal !== undefined)).toBe(true)
    expect(script.some(({ json }) => json !== undefined)).toBe(true)
    expect(script.some(({ calls }) => calls?.length === 2)).toBe(true)
    expect(script.some(({ content = '' }) => content.length > 3000)).toBe(true)
  })

  it('has no prompt twice', () => {
    const prompts = script.flatMap(({ prompts: of }) => of.map(normalisePrompt))
    const twice = prompts.filter((prompt, index) => prompt === '' || prompts.indexOf(prompt) !== index)
    expect(twice).toEqual([])
  })

  it('matches in any case, spacing and punctuation', () => {
    const expected = play('What is the capital of France?').content
    expect(expected).toMatch(/Paris/)
    for (const prompt of [
      'what is the capital of france',
      '  WHAT is the capital\nof France!! ',
      '“What is the capital of France?”',
    ]) {
      expect(play(prompt).content).toBe(expected)
    }
  })

  it('lists what it knows when it does not know', () => {
    const { content = '' } = play('What is the airspeed velocity of a swallow?')
    for (const { prompts } of script) expect(content).toContain(prompts[0])
  })

  it('calls the tools that the request offers', () => {
    const { toolCalls } = play('weather in tokyo and paris', { tools: [weather] })
    expect(toolCalls).toEqual([
      { name: 'get_weather', arguments: '{"city":"Tokyo"}' },
      { name: 'get_weather', arguments: '{"city":"Paris"}' },
    ])
  })

  it.each([{}, { tools: [] }, { tools: [weather], tool_choice: 'none' as const }])(
    'says which tool to offer where there is none: %j',
    (more) => {
      const { toolCalls, content } = play('weather in tokyo', more)
      expect(toolCalls).toBeUndefined()
      expect(content).toContain('get_weather')
    },
  )

  it('goes on after the tools, and repeats their words literally', () => {
    const { content } = playScript(
      {
        model: 'scripted',
        tools: [weather],
        messages: [
          { role: 'user', content: 'Weather in Tokyo' },
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'a', function: { name: 'get_weather', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: '21 °C, costs $& and $1' }] },
        ],
      },
      'demo',
    )
    expect(content).toBe('The weather service says for Tokyo: 21 °C, costs $& and $1')
  })
})

describe('a scripted failure', () => {
  const demo = createOfflineProvider(provider, { first_token_ms: 0, token_interval_ms: 0 })
  const send = (content: string, stream: boolean) =>
    demo.chatCompletion?.({ model: 'scripted', messages: [{ role: 'user', content }], stream }, offlineCall())

  it.each([
    ['Show me a rate limit', 'provider_rate_limited', 429],
    ['Show me an error', 'provider_internal', 502],
    ['Show me a quota error', 'provider_quota_exceeded', 429],
    ['Show me a timeout', 'provider_timeout', 504],
  ])('“%s” is thrown before anything is said, streamed or not', async (prompt, code, status) => {
    await expect(send(prompt, false)).rejects.toMatchObject({ code, status, details: { provider: 'offline' } })
    await expect(send(prompt, true)).rejects.toMatchObject({ code, status })
  })

  it('tells how long to wait', async () => {
    await expect(send('Rate limit', false)).rejects.toMatchObject({ details: { retryAfterMs: 2000 }, retryable: true })
  })

  it('can come in the middle of a stream', async () => {
    const reply = await send('Break the stream', true)
    if (reply?.kind !== 'events') throw new Error('expected events')
    let said = ''
    const reading = (async () => {
      for await (const chunk of reply.events) said += chunk.choices[0]?.delta.content ?? ''
    })()
    await expect(reading).rejects.toMatchObject({ code: 'provider_stream_broken' })
    expect(said).toMatch(/in the middle of one, the$/)
    await expect(send('Break the stream', false)).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })
})
