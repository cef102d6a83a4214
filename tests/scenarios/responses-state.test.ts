/** What is kept of responses, and how they are continued. */
import type { ResponseObject } from '@llama-stack/api'
import { describe, expect, test } from 'vitest'
import { withResponses } from './responses-scene.ts'
import type { ResponsesScene } from './responses-scene.ts'
import { says, streams } from './scripted-model.ts'
import { doors } from './stack-under-test.ts'

const told = ({ model }: ResponsesScene) => model.asked.at(-1)?.messages ?? []

const textOf = ({ output }: ResponseObject): string =>
  output
    .flatMap((item) => (item.type === 'message' ? item.content.map((part) => ('text' in part ? part.text : '')) : []))
    .join('')

async function newConversation({ call }: ResponsesScene, items: readonly object[] = []): Promise<string> {
  const created = (await (await call('POST /v1/conversations', { items })).json()) as { id: string }
  return created.id
}

async function itemsOf({ call }: ResponsesScene, conversation: string) {
  const reply = await call(`GET /v1/conversations/${conversation}/items?order=asc&limit=100`)
  return ((await reply.json()) as { data: readonly { id: string; type: string; role?: string; content?: unknown }[] })
    .data
}

describe.each(doors)('through the %s', (door) => {
  test('[R013, R015] a response says what was asked and what came of it', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', says('Hello!'))
      const request = {
        input: 'Hi',
        instructions: 'Be brief.',
        metadata: { topic: 'llamas' },
        temperature: 0.5,
        top_p: 0.9,
        max_output_tokens: 100,
        user: 'u1',
        safety_identifier: 's1',
        prompt_cache_key: 'k1',
        truncation: 'disabled' as const,
        reasoning: { effort: 'low' as const },
      }
      const { response } = await scene.stream(request)
      expect(response).toMatchObject({
        id: expect.stringMatching(/^resp_[0-9a-f]{48}$/),
        object: 'response',
        status: 'completed',
        model: 'vendor/m1',
        ...Object.fromEntries(Object.entries(request).filter(([name]) => name !== 'input' && name !== 'reasoning')),
        reasoning: { effort: 'low', summary: null },
        store: true,
        background: false,
        previous_response_id: null,
        tool_choice: 'auto',
        tools: [],
        text: { format: { type: 'text' } },
        usage: {
          input_tokens: 10,
          input_tokens_details: { cached_tokens: 4 },
          output_tokens: 5,
          output_tokens_details: { reasoning_tokens: 2 },
          total_tokens: 15,
        },
        output: [
          {
            type: 'message',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: 'Hello!' }],
          },
        ],
      })
      expect(told(scene)).toEqual([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ])
      expect(scene.model.asked.at(-1)).toMatchObject({
        temperature: 0.5,
        top_p: 0.9,
        max_completion_tokens: 100,
        user: 'u1',
        safety_identifier: 's1',
        prompt_cache_key: 'k1',
        reasoning_effort: 'low',
      })
    })
  })

  test('[R014, R016, R017] responses are listed, their input is listed, and deleting deletes', async () => {
    await withResponses({ door }, async (scene) => {
      const ids: string[] = []
      for (const input of ['one', 'two', 'three']) {
        ids.push((await scene.ask({ input, ...(ids.length > 0 && { previous_response_id: ids.at(-1) as string }) })).id)
      }
      const list = async (query: string) =>
        (await (await scene.call(`GET /v1/responses${query}`)).json()) as { data: ResponseObject[]; has_more: boolean }
      expect((await list('')).data.map(({ id }) => id)).toEqual(ids.toReversed())
      const page = await list('?limit=2&order=asc')
      expect([page.data.map(({ id }) => id), page.has_more]).toEqual([ids.slice(0, 2), true])
      const rest = await list(`?limit=2&order=asc&after=${ids[1]}`)
      expect([rest.data.map(({ id }) => id), rest.has_more]).toEqual([ids.slice(2), false])
      expect(page.data[0]).toMatchObject({ input: [{ type: 'message', role: 'user' }] })
      const inputs = await (await scene.call(`GET /v1/responses/${ids[2]}/input_items?order=asc`)).json()
      expect(inputs).toMatchObject({
        object: 'list',
        data: [
          { role: 'user', content: [{ type: 'input_text', text: 'one' }] },
          { role: 'assistant' },
          { role: 'user', content: [{ text: 'two' }] },
          { role: 'assistant' },
          { role: 'user', content: [{ text: 'three' }] },
        ],
      })
      const deleted = await scene.call(`DELETE /v1/responses/${ids[1]}`)
      expect(await deleted.json()).toEqual({ id: ids[1], object: 'response', deleted: true })
      const gone = await scene.call(`GET /v1/responses/${ids[1]}`)
      expect([gone.status, await gone.json()]).toMatchObject([404, { error: { code: 'response_not_found' } }])
      for (const id of [ids[1], ids[2]]) {
        const refused = await scene.refusal({ input: 'go on', previous_response_id: id as string })
        expect(refused).toMatchObject({
          status: 404,
          code: 'previous_response_not_found',
          param: 'previous_response_id',
        })
      }
    })
  })

  test('[B093] a response is continued by its id at once after its last event, in many chains at a time', async () => {
    await withResponses({ door }, async (scene) => {
      const chain = async (name: number): Promise<void> => {
        let previous: string | undefined
        for (let turn = 0; turn < 4; turn += 1) {
          const input = `chain ${name} turn ${turn}`
          scene.model.answers(input, (request) => {
            const { messages } = request.json() as { messages: { content: string }[] }
            return says(messages.map(({ content }) => content).join('|'))
          })
          const request = { input, ...(previous !== undefined && { previous_response_id: previous }) }
          const { response } = turn % 2 === 0 ? await scene.stream(request) : { response: await scene.ask(request) }
          const questions = Array.from({ length: turn + 1 }, (_, of) => `chain ${name} turn ${of}`)
          for (const question of questions) expect(textOf(response)).toContain(question)
          expect(
            textOf(response)
              .match(/chain (\d+)/g)
              ?.every((found) => found === `chain ${name}`),
          ).toBe(true)
          previous = response.id
        }
      }
      await Promise.all(Array.from({ length: 20 }, (_, name) => chain(name)))
    })
  })

  test('[B093] the id of a stream’s last event can be continued before the stream is closed', async () => {
    await withResponses({ door }, async (scene) => {
      const reply = await scene.call('POST /v1/responses', { model: 'vendor/m1', input: 'Hi', stream: true })
      let text = ''
      let followed: Promise<ResponseObject> | undefined
      const decoder = new TextDecoder()
      for await (const chunk of reply.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true })
        const [, id] = /"type":"response.completed".*?"id":"(resp_\w+)"/.exec(text) ?? []
        if (id !== undefined) followed ??= scene.ask({ input: 'Again', previous_response_id: id })
      }
      expect(await followed).toMatchObject({ status: 'completed' })
    })
  })

  test('[B093] a conversation keeps what was asked and answered, and its next response knows it', async () => {
    await withResponses({ door }, async (scene) => {
      const conversation = await newConversation(scene, [{ type: 'message', role: 'user', content: 'My name is Ada.' }])
      scene.model.answers('What is my name?', says('Ada.'))
      const { response } = await scene.stream({ input: 'What is my name?', conversation })
      expect(response).toMatchObject({ conversation: { id: conversation }, previous_response_id: null })
      expect(told(scene).map(({ content }) => content)).toEqual(['My name is Ada.', 'What is my name?'])
      const items = await itemsOf(scene, conversation)
      expect(items.map(({ role }) => role)).toEqual(['user', 'user', 'assistant'])
      expect(items[2]?.id).toBe(response.output[0]?.id)
      scene.model.answers('Sure?', says('Yes.'))
      await scene.ask({ input: 'Sure?', conversation: { id: conversation } })
      expect(told(scene).map(({ content }) => content)).toEqual([
        'My name is Ada.',
        'What is my name?',
        'Ada.',
        'Sure?',
      ])
      const both = await scene.refusal({ input: 'x', conversation, previous_response_id: response.id })
      expect(both).toMatchObject({ status: 400 })
      expect(await scene.refusal({ input: 'x', conversation: 'conv_none' })).toMatchObject({
        status: 404,
        code: 'conversation_not_found',
      })
    })
  })

  test('[B093] a conversation keeps what is said in it, also where the response is not kept', async () => {
    await withResponses({ door }, async (scene) => {
      const conversation = await newConversation(scene)
      scene.model.answers('One', streams([{ delta: { content: 'Two.' } }]))
      for (const stream of [true, false]) {
        const request = { input: 'One', conversation, store: false }
        const response = stream ? (await scene.stream(request)).response : await scene.ask(request)
        expect((await scene.call(`GET /v1/responses/${response.id}`)).status).toBe(404)
      }
      expect((await itemsOf(scene, conversation)).map(({ role }) => role)).toEqual([
        'user',
        'assistant',
        'user',
        'assistant',
      ])
      await scene.ask({ input: 'Three', conversation })
      expect(told(scene).map(({ content }) => content)).toEqual(['One', 'Two.', 'One', 'Two.', 'Three'])
    })
  })

  test('[B093] two writers on one conversation lose nothing', async () => {
    await withResponses({ door }, async (scene) => {
      const conversation = await newConversation(scene)
      const names = Array.from({ length: 12 }, (_, index) => `writer ${index}`)
      for (const name of names) scene.model.answers(name, says(`for ${name}`, { gapMs: 2 }))
      const made = await Promise.all(
        names.map(async (input, index) =>
          index % 2 === 0 ? scene.ask({ input, conversation }) : (await scene.stream({ input, conversation })).response,
        ),
      )
      const items = await itemsOf(scene, conversation)
      expect(items).toHaveLength(24)
      const texts = items.map(({ content }) => (content as { text: string }[])[0]?.text)
      for (const name of names) expect(texts.indexOf(`for ${name}`)).toBe(texts.indexOf(name) + 1)
      const answers = made.map(({ output }) => output[0]?.id)
      expect(items.filter(({ role }) => role === 'assistant').map(({ id }) => id)).toEqual(
        expect.arrayContaining(answers),
      )
    })
  })

  test('[B093] a response in the background cannot be continued before it has ended', async () => {
    await withResponses({ door }, async (scene) => {
      const gate = Promise.withResolvers<void>()
      scene.model.answers('Slow', async () => {
        await gate.promise
        return says('At last.')
      })
      const queued = await scene.ask({ input: 'Slow', background: true })
      expect(queued).toMatchObject({ status: 'queued', background: true, output: [] })
      const refused = await scene.refusal({ input: 'And?', previous_response_id: queued.id })
      expect(refused).toMatchObject({ status: 409, code: 'previous_response_open' })
      gate.resolve()
      await expect.poll(async () => (await scene.fetchResponse(queued.id)).status).toBe('completed')
      const ended = await scene.fetchResponse(queued.id)
      expect(textOf(ended)).toBe('At last.')
      expect(await scene.ask({ input: 'And?', previous_response_id: queued.id })).toMatchObject({ status: 'completed' })
    })
  })

  test('[B093] what is not stored is nowhere', async () => {
    await withResponses({ door }, async (scene) => {
      for (const response of [
        await scene.ask({ input: 'Hi', store: false }),
        (await scene.stream({ input: 'Hi', store: false })).response,
      ]) {
        expect(response.store).toBe(false)
        expect((await scene.call(`GET /v1/responses/${response.id}`)).status).toBe(404)
        expect(await scene.refusal({ input: 'x', previous_response_id: response.id })).toMatchObject({ status: 404 })
      }
      expect(await (await scene.call('GET /v1/responses')).json()).toMatchObject({ data: [] })
      const refused = await scene.refusal({ input: 'x', store: false, background: true })
      expect(refused).toMatchObject({ status: 400, param: 'background' })
    })
  })

  test('[B093] instructions are those of one response; items are named by their ids', async () => {
    await withResponses({ door }, async (scene) => {
      const first = await scene.ask({ input: 'Hi', instructions: 'Speak French.' })
      const second = await scene.ask({ input: 'Go on', previous_response_id: first.id, instructions: 'Speak Greek.' })
      expect(told(scene).filter(({ role }) => role === 'system')).toEqual([{ role: 'system', content: 'Speak Greek.' }])
      await scene.ask({ input: 'Go on', previous_response_id: second.id })
      expect(told(scene).filter(({ role }) => role === 'system')).toEqual([])
      const answer = { type: 'item_reference', id: first.output[0]?.id }
      const { id } = await scene.ask({ input: [answer, { role: 'user', content: 'What was that?' }] as never })
      expect(told(scene)).toMatchObject([
        { role: 'assistant', content: [{ type: 'text', text: textOf(first) }] },
        { role: 'user', content: 'What was that?' },
      ])
      const listed = await (await scene.call(`GET /v1/responses/${id}/input_items?order=asc`)).json()
      expect(listed).toMatchObject({ data: [{ id: first.output[0]?.id }, { role: 'user' }] })
      const nobody = { type: 'item_reference', id: 'msg_none' }
      expect(await scene.refusal({ input: [nobody] as never })).toMatchObject({ status: 400, param: 'input[0].id' })
    })
  })

  test('[B093] reasoning that a client keeps is sealed, and comes back to the model', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', streams([{ delta: { reasoning: 'A greeting.' } }, { delta: { content: 'Hello!' } }]))
      const include = ['reasoning.encrypted_content'] as never
      const { response } = await scene.stream({ input: 'Hi', store: false, include })
      const [thoughts, message] = response.output
      expect(thoughts).toMatchObject({ type: 'reasoning', encrypted_content: expect.stringMatching(/^lsrsn1\./) })
      const { content: _content, ...sealed } = thoughts as unknown as Record<string, unknown>
      const input = [
        { role: 'user', content: 'Hi' },
        { ...sealed, summary: [] },
        message,
        { role: 'user', content: 'And?' },
      ]
      await scene.ask({ input: input as never, store: false })
      expect(told(scene)).toMatchObject([
        { role: 'user' },
        { role: 'assistant', content: [{ text: 'Hello!' }], reasoning_content: 'A greeting.' },
        { role: 'user' },
      ])
    })
  })

  test('a refusal is a part of its own, and the next response knows of it', async () => {
    await withResponses({ door }, async (scene) => {
      scene.model.answers('Hi', streams([{ delta: { refusal: 'I will ' } }, { delta: { refusal: 'not.' } }]))
      const { response } = await scene.stream({ input: 'Hi' })
      expect(response.output).toMatchObject([{ content: [{ type: 'refusal', refusal: 'I will not.' }] }])
      await scene.ask({ input: 'Why?', previous_response_id: response.id })
      expect(told(scene)[1]).toMatchObject({ role: 'assistant', refusal: 'I will not.' })
    })
  })

  test('log probabilities are asked for by include, and kept', async () => {
    await withResponses({ door }, async (scene) => {
      const content = [{ token: 'Hey', logprob: -0.1, bytes: [72, 101, 121], top_logprobs: [] }]
      scene.model.answers('Hi', streams([{ delta: { content: 'Hey' }, logprobs: { content } }]))
      const include = ['message.output_text.logprobs'] as never
      const { response, events } = await scene.stream({ input: 'Hi', include, top_logprobs: 2 })
      expect(response.output).toMatchObject([{ content: [{ text: 'Hey', logprobs: content }] }])
      expect(events.find(({ type }) => type === 'response.output_text.delta')).toMatchObject({ logprobs: content })
      expect(scene.model.asked.at(-1)).toMatchObject({ logprobs: true, top_logprobs: 2 })
      expect(await scene.fetchResponse(response.id)).toEqual(response)
    })
  })
})

test('[B020] responses and conversations of one key are invisible to another', async () => {
  const keys = ['key-of-anna-0123456789', 'key-of-bert-0123456789'] as const
  await withResponses({ door: 'fetch', config: { server: { apiKeys: [...keys] } } }, async (scene) => {
    const [anna, bert] = keys.map((key) => ({ authorization: `Bearer ${key}` }))
    const { id } = await scene.ask({ input: 'Hi' }, anna)
    const streamed = await scene.stream({ input: 'Hi', previous_response_id: id }, anna)
    expect((await scene.fetchResponse(id, anna)).id).toBe(id)
    for (const route of [
      `GET /v1/responses/${id}`,
      `GET /v1/responses/${id}?stream=true`,
      `GET /v1/responses/${id}/input_items`,
      `POST /v1/responses/${id}/cancel`,
      `DELETE /v1/responses/${id}`,
    ]) {
      expect([route, (await scene.call(route, undefined, bert)).status]).toEqual([route, 404])
    }
    expect(await scene.refusal({ input: 'x', previous_response_id: streamed.response.id }, bert)).toMatchObject({
      status: 404,
    })
    const item = { type: 'item_reference', id: streamed.response.output[0]?.id }
    expect(await scene.refusal({ input: [item] as never }, bert)).toMatchObject({ status: 400 })
    expect(await (await scene.call('GET /v1/responses', undefined, bert)).json()).toMatchObject({ data: [] })
    const made = (await (await scene.call('POST /v1/conversations', {}, anna)).json()) as { id: string }
    expect(await scene.refusal({ input: 'x', conversation: made.id }, bert)).toMatchObject({ status: 404 })
    expect((await scene.call('GET /v1/responses')).status).toBe(401)
  })
})
