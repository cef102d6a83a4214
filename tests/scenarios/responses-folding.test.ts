/** The laws of a response: whatever a model does, wherever its bytes are cut, every account of it is the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asText } from '../../packages/server/src/kernel/json-record.ts'
import { startMcpServer } from '../../packages/server/src/testing/mcp-servers.ts'
import type { ResponseObject } from '@llama-stack/api'
import type { ResponsesScene } from './responses-scene.ts'
import { checkStream, withResponses } from './responses-scene.ts'
import { missingDocuments } from './responses-schemas.ts'
import { streams } from './scripted-model.ts'
import type { ChatBodyMessage, Piece, TurnEnd } from './scripted-model.ts'

const toolNames = ['lookup', 'note', 'echo', 'fail', 'nobody'] as const

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })

const textPiece = words.map((content): Piece => ({ delta: { content } }))

const loggedPiece = words.map((content): Piece => ({
  delta: { content },
  logprobs: { content: [{ token: content, logprob: -0.5, bytes: [1], top_logprobs: [] }] },
}))

/** Reasoning in the spellings of the field. */
const reasoningPiece = fc
  .tuple(words, fc.constantFrom('reasoning_content', 'reasoning', 'reasoning_text', 'thinking', 'details', 'parts'))
  .map(([text, spelling]): Piece => {
    if (spelling === 'details') {
      return { delta: { reasoning_details: [{ type: 'reasoning.text', text, index: 0, format: 'unknown' }] } }
    }
    if (spelling === 'parts') return { delta: { content: [{ type: 'thinking', thinking: [{ type: 'text', text }] }] } }
    return { delta: { [spelling]: text } }
  })

const refusalPiece = words.map((refusal): Piece => ({ delta: { refusal } }))

const callArguments = fc.oneof(
  fc.record({ text: words }).map((args) => JSON.stringify(args)),
  fc.record({ input: words }).map((args) => JSON.stringify(args)),
  fc.constant(''),
  fc.constant('{"text": "never clo'),
  fc.constant('[1, 2]'),
  fc.constant('plain words'),
)

/** A call in one piece, or its arguments in several behind its name. */
const callPieces = (index: number): fc.Arbitrary<Piece[]> =>
  fc.tuple(fc.constantFrom(...toolNames), callArguments, fc.integer({ min: 1, max: 6 })).map(([name, text, size]) => {
    const toPiece = (called: object): Piece => ({ delta: { tool_calls: [{ index, ...called }] } })
    const head = { id: `call_${index}`, type: 'function' }
    if (size === 1) return [toPiece({ ...head, function: { name, arguments: text } })]
    // A fragment may end within a character: as JSON escapes it, half of it travels.
    const fragments = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
      text.slice(at * size, (at + 1) * size),
    )
    return [
      toPiece({ ...head, function: { name, arguments: '' } }),
      ...fragments.map((fragment) => toPiece({ function: { arguments: fragment } })),
    ]
  })

const said = fc.array(fc.oneof(textPiece, textPiece, loggedPiece, reasoningPiece, refusalPiece), { maxLength: 8 })

const called = fc
  .nat({ max: 3 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => callPieces(index))))
  .map((each) => each.flat())

const ending = fc.record({
  // Null: the vendor never says why it ended.
  finish: fc.constantFrom('stop', 'stop', 'stop', 'stop', 'tool_calls', 'length', 'content_filter', null),
  usage: fc.constantFrom('last', 'finish', 'none'),
  isCut: fc.constantFrom(...Array.from({ length: 11 }, () => false), true),
  error: fc.constantFrom(...Array.from({ length: 11 }, () => undefined), { error: { message: 'No.', code: 'x' } }),
  cuts: fc.array(fc.nat({ max: 100_000 }), { maxLength: 12 }),
}) satisfies fc.Arbitrary<TurnEnd>

const turn = fc.tuple(said, called, said, ending).map(([before, made, after, end]): Turn => {
  const pieces = [...before, ...made, ...after]
  // What fails before the first word is no response.
  return { pieces, end: pieces.length > 0 ? end : { ...end, isCut: false, error: undefined } }
})

interface Turn {
  readonly pieces: readonly Piece[]
  readonly end: TurnEnd
}

const script = fc.array(turn, { minLength: 1, maxLength: 3 })

let serial = 0

/** What the model did last it would do for ever: what it says at the end has no calls. */
function teach({ model }: ResponsesScene, turns: readonly Turn[]): string {
  serial += 1
  const prompt = `script ${serial}`
  model.answers(
    prompt,
    ...turns.map(({ pieces, end }) => streams(pieces, end)),
    streams([{ delta: { content: 'That is all.' } }]),
  )
  return prompt
}

const tools = (url: string) => [
  { type: 'function', name: 'lookup', parameters: { type: 'object', properties: {} } },
  { type: 'custom', name: 'note' },
  { type: 'mcp', server_label: 'tests', server_url: url, allowed_tools: ['echo', 'fail'], require_approval: 'never' },
]

/**
 * What was said and called. An answer that comes whole does not tell in which order it thought and spoke, nor has it its
 * thoughts under several names.
 */
function toSubstance({ output, status, incomplete_details, usage }: ResponseObject): object {
  const items = output as readonly Readonly<Record<string, unknown>>[]
  const joined = (member: string): string =>
    items
      .filter(({ type }) => type === 'message')
      .flatMap(({ content }) => (Array.isArray(content) ? (content as Record<string, unknown>[]) : []))
      .map((part) => asText(part[member]))
      .join('')
  return {
    status,
    incomplete_details,
    usage,
    text: joined('text'),
    refusal: joined('refusal'),
    calls: items
      .filter(({ type }) => type !== 'message' && type !== 'reasoning')
      .map(({ type, name, arguments: written, input, output: given, error }) => ({
        type,
        name,
        written,
        input,
        given,
        error,
      })),
  }
}

const config = {
  server: { allowPrivateUrls: true },
  reliability: { retries: 0, breaker: { failures: 1_000_000, minCalls: 1_000_000 } },
}

const numRuns = Number(process.env['FOLDING_RUNS'] ?? 60)

describe(`responses, held against ${missingDocuments ?? 'the documents of Open Responses and of OpenAI'}`, () => {
  test('[B090, B091] what was streamed, what is stored, what is told again and what was not streamed are the same', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door: 'fetch', config }, async (scene) => {
      await fc.assert(
        fc.asyncProperty(script, async (turns) => {
          const request = { input: teach(scene, turns), tools: tools(mcp.url) as never, max_infer_iters: 5 }
          const { texts, response } = await scene.stream(request)
          expect(await scene.fetchResponse(response.id)).toEqual(response)
          expect(await scene.replay(response.id)).toEqual(texts)
          const after = texts.length > 3 ? [0, texts.length >> 1, texts.length - 2, texts.length - 1] : [0]
          for (const number of after) expect(await scene.replay(response.id, number)).toEqual(texts.slice(number + 1))
          // An answer that breaks off before anybody was told of it is an error of the reply.
          if (response.status === 'failed') return
          const whole = await scene.ask(request)
          expect(toSubstance(whole)).toEqual(toSubstance(response))
          const retold = await scene.replay(whole.id)
          expect(checkStream(retold).response).toEqual(whole)
        }),
        { numRuns },
      )
    })
  }, 120_000)

  test('[B094] whatever a model does and however it is continued, vendors are sent what they take', async () => {
    await using mcp = await startMcpServer({ era: 'both' })
    await withResponses({ door: 'fetch', config }, async (scene) => {
      await fc.assert(
        fc.asyncProperty(fc.array(script, { minLength: 1, maxLength: 3 }), fc.boolean(), async (scripts, isChained) => {
          const { id: conversation } = (await (await scene.call('POST /v1/conversations', {})).json()) as { id: string }
          const { length } = scene.model.asked
          let previous: ResponseObject | undefined
          for (const turns of scripts) {
            const input = [...answersTo(previous), { role: 'user', content: teach(scene, turns) }]
            const continued = previous === undefined ? {} : { previous_response_id: previous.id }
            const way = isChained ? continued : { conversation }
            previous = (await scene.stream({ input: input as never, tools: tools(mcp.url) as never, ...way })).response
          }
          expect(scene.model.asked.slice(length).flatMap(({ messages }) => faultsOf(messages))).toEqual([])
        }),
        { numRuns },
      )
    })
  }, 120_000)
})

/** The outputs of all calls that the client has to make. */
function answersTo(response: ResponseObject | undefined): object[] {
  return (response?.output ?? []).flatMap((item) => {
    if (item.type !== 'function_call' && item.type !== 'custom_tool_call') return []
    return item['status'] === 'completed'
      ? [{ type: `${item.type}_output`, call_id: item.call_id, output: 'done' }]
      : []
  })
}

/** What a vendor would refuse: calls that are not answered at once, each by one message, and those that nobody could read. */
function faultsOf(messages: readonly ChatBodyMessage[]): string[] {
  const faults: string[] = []
  let open: string[] = []
  for (const { role, tool_calls: made = [], tool_call_id: answered = '' } of [...messages, { role: 'end' }]) {
    if (role === 'tool') {
      if (!open.includes(answered)) faults.push(`nobody made the call ${answered}`)
      open = open.filter((id) => id !== answered)
      continue
    }
    faults.push(...open.map((id) => `nobody answered the call ${id}`))
    open = made.map(({ id }) => id)
    for (const { function: called } of made) {
      if (called.name === '') faults.push('a call has no name')
      if (!called.arguments.startsWith('{')) faults.push(`no object: ${called.arguments}`)
      JSON.parse(called.arguments)
    }
  }
  return faults
}
