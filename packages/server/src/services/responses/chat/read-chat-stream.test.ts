import type {
  ByteSink,
  ByteStream,
  ChatCompletion,
  ChatCompletionChunk,
  CompletionUsage,
  TextRun,
} from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesStream } from '../../../kernel/byte-stream.ts'
import type { ChatDeltaSink, ToolCallPiece } from './chat-delta-sink.ts'
import { readChatStream } from './read-chat-stream.ts'
import type { ReadChatOptions } from './read-chat-stream.ts'

/** What a turn amounts to. */
class Fold implements ChatDeltaSink {
  said = ''
  thought = ''
  inline = ''
  saidBeforeCalls = ''
  refused = ''
  calls: { id?: string; name?: string; arguments: string }[] = []
  reasons: string[] = []
  tiers: string[] = []
  used: CompletionUsage[] = []
  members: object[] = []
  logprobs: unknown[] = []
  pieces = 0

  text(piece: string, logprobs: readonly unknown[] = []): void {
    this.said += piece
    this.pieces += 1
    this.logprobs.push(...logprobs)
  }
  texts(pieces: readonly string[]): void {
    for (const piece of pieces) this.text(piece)
  }
  reasoning(piece: string, isInline = false): void {
    this.thought += piece
    if (isInline) this.inline += piece
  }
  refusal(piece: string): void {
    this.refused += piece
  }
  toolCall(index: number, piece: ToolCallPiece): void {
    const known = this.calls[index]
    if (this.calls.length === 0) this.saidBeforeCalls = this.said
    if (known === undefined) this.calls[index] = { ...piece }
    else known.arguments += piece.arguments
  }
  finish(reason: string): void {
    this.reasons.push(reason)
  }
  usage(usage: CompletionUsage): void {
    this.used.push(usage)
  }
  serviceTier(tier: string): void {
    this.tiers.push(tier)
  }
  extra(members: object): void {
    this.members.push(members)
  }
}

const options: ReadChatOptions = {
  provider: 'vendor',
  signal: new AbortController().signal,
  newCallId: () => 'call_new',
}
const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }

function chunk(delta: object, more: object = {}) {
  return { ...head, choices: [{ index: 0, delta, finish_reason: null, ...more }] }
}
const end = (reason = 'stop') => chunk({}, { finish_reason: reason })
const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }

function sse(chunks: readonly object[]): string {
  return `${chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')}data: [DONE]\n\n`
}

type Cut = 'bytes' | 'latin1'

/** The text in these pieces, as bytes or as Latin-1. */
function streamOf(pieces: readonly Uint8Array[], cut: Cut = 'bytes'): ByteStream {
  const source = bytesStream(pieces)
  if (cut === 'bytes') return source
  return {
    ...source,
    pipe: (sink: ByteSink) =>
      source.pipe({
        data: (piece) => sink.text?.(Buffer.from(piece).toString('latin1')),
        end: () => sink.end(),
        fail: (error) => sink.fail(error),
      }),
  }
}

async function read(source: ByteStream, more: Partial<ReadChatOptions> = {}): Promise<Fold> {
  const fold = new Fold()
  await readChatStream({ kind: 'stream', stream: source, contentType: 'text/event-stream' }, fold, {
    ...options,
    ...more,
  })
  return fold
}

const readAll = (chunks: readonly object[], more: Partial<ReadChatOptions> = {}) =>
  read(bytesStream(Buffer.from(sse(chunks))), more)

describe('a stream', () => {
  test('tells everything once', async () => {
    const fold = await readAll([
      { ...chunk({ role: 'assistant', content: '' }), service_tier: 'default' },
      { ...chunk({ content: 'Hel' }), service_tier: 'default' },
      chunk({ content: 'lo' }, { logprobs: { content: [{ token: 'lo' }] } }),
      chunk({ refusal: 'No.' }),
      end('length'),
      { ...head, choices: [], usage },
    ])
    expect(fold).toMatchObject({
      said: 'Hello',
      refused: 'No.',
      reasons: ['length'],
      tiers: ['default'],
      used: [usage],
    })
    expect(fold.logprobs).toEqual([{ token: 'lo' }])
  })

  test.each<[string, object]>([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['reasoning_text', { reasoning_text: 'hm' }],
    ['thinking', { thinking: 'hm' }],
    ['the same twice', { reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm', index: 0 }] }],
    [
      'details',
      {
        reasoning_details: [
          { type: 'reasoning.text', text: 'h' },
          { type: 'reasoning.summary', summary: 'm' },
        ],
      },
    ],
    ['parts', { content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }],
  ])('finds reasoning spelled %s', async (_spelling, delta) => {
    expect(await readAll([chunk(delta), chunk({ content: 'A' }), end()])).toMatchObject({ thought: 'hm', said: 'A' })
  })

  test('gives back what only the provider can read, put together', async () => {
    const detail = (more: object) => chunk({ reasoning_details: [{ index: 0, type: 'reasoning.text', ...more }] })
    const sealed = { index: 1, type: 'reasoning.encrypted', data: 'xyz' }
    const fold = await readAll([
      detail({ text: 'h' }),
      detail({ text: 'm' }),
      detail({ signature: 's' }),
      chunk({ reasoning_details: [sealed], extra_content: { google: { thought_signature: 't' } } }),
      end(),
    ])
    const text = { index: 0, type: 'reasoning.text', text: 'hm', signature: 's' }
    expect(fold.members).toEqual([
      { reasoning_details: [text, sealed], extra_content: { google: { thought_signature: 't' } } },
    ])
  })

  test('reads the first of several choices, and what there was before tools', async () => {
    const second = { ...head, choices: [{ index: 1, delta: { content: 'B' }, finish_reason: null }] }
    const call = { name: 'look', arguments: '{}' }
    const fold = await readAll([chunk({ content: 'A' }), second, chunk({ function_call: call }), end('function_call')])
    expect(fold).toMatchObject({ said: 'A', calls: [{ id: 'call_new', ...call }], reasons: ['tool_calls'] })
  })

  test('of comments, other line ends and keep-alives is read like any other', async () => {
    const plain = JSON.stringify(chunk({ content: 'ä' }))
    const text = `: hello\n\ndata: ${plain}\r\n\r\ndata:${plain}\n\ndata:\n\nevent: x\ndata: ${plain}\n\n${sse([end()])}`
    expect((await read(bytesStream(Buffer.from(text)))).said).toBe('äää')
  })
})

describe('the law', () => {
  const word = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('"', '\\', '\\"', '\n', '}]', 'ä"},"finish'),
  )
  const said = fc.oneof(
    word.map((content) => ({ content })),
    word.map((reasoning_content) => ({ reasoning_content })),
  )
  const piece = fc
    .tuple(fc.integer({ min: 0, max: 2 }), word)
    .map(([index, text]) => ({ tool_calls: [{ index, function: { arguments: text } }] }))
  const opened = [0, 1, 2].map((index) =>
    chunk({ tool_calls: [{ index, id: `c${index}`, function: { name: `f${index}`, arguments: '' } }] }),
  )

  test('however the bytes are cut, the turn is the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 3, arbitrary: said }, piece), { maxLength: 20 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(1_000_000)), { minLength: 1 }),
        fc.constantFrom<Cut>('bytes', 'latin1'),
        async (deltas, sizes, cut) => {
          const bytes = Buffer.from(sse([...opened, ...deltas.map((delta) => chunk(delta)), end('tool_calls')]))
          const pieces: Uint8Array[] = []
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1
            pieces.push(bytes.subarray(at, at + size))
            at += size
          }
          const fold = await read(streamOf(pieces, cut))
          const joined = (name: string) => deltas.map((delta) => (delta as Record<string, string>)[name] ?? '').join('')
          expect(fold.said).toBe(joined('content'))
          expect(fold.thought).toBe(joined('reasoning_content'))
          expect(fold.calls.map((call) => call.arguments)).toEqual(
            [0, 1, 2].map((index) =>
              deltas
                .flatMap((delta) => ('tool_calls' in delta ? delta.tool_calls : []))
                .reduce((text, call) => (call.index === index ? appended(text, call.function.arguments) : text), ''),
            ),
          )
        },
      ),
      { numRuns: 300 },
    )
  })

  /** What equals all that came before is a vendor's repetition of the whole. */
  function appended(text: string, more: string): string {
    return more.startsWith('{') && more === text ? text : text + more
  }

  test('texts that are alike but for themselves take the short way, each as its own piece', async () => {
    const words = ['a', 'b"c', 'd\\', 'ä', '\n', ' ']
    const fold = await readAll([...words.map((content) => chunk({ content, role: 'assistant', refusal: null })), end()])
    expect(fold).toMatchObject({ said: words.join(''), pieces: words.length })
  })

  test('thoughts in the text are told from the answer wherever they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 20 }).map((text) => text.replaceAll('<', '(')),
        fc.constantFrom('', ' ', '\n'),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        async (thought, space, sizes) => {
          const text = `${space}<think>${thought}</think>${space}Answer <think>`
          const deltas: object[] = []
          for (let at = 0, turn = 0; at < text.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1
            deltas.push(chunk({ content: text.slice(at, at + size) }))
            at += size
          }
          const fold = await readAll([...deltas, end()], { inlineThinking: true })
          expect([fold.thought, fold.said]).toEqual([thought, 'Answer <think>'])
        },
      ),
    )
  })

  test.each([
    ['<thi', '<thi', ''],
    ['<think>on', '', 'on'],
    ['<think>on</th', '', 'on</th'],
    ['no <think>', 'no <think>', ''],
    [' \n', ' \n', ''],
  ])('%j that ends there is text %j and thought %j', async (content, text, thought) => {
    expect(await readAll([chunk({ content }), end()], { inlineThinking: true })).toMatchObject({ said: text, thought })
    expect(await readAll([chunk({ content }), end()])).toMatchObject({ said: content, thought: '' })
  })

  test('text that is held while it may be a thought keeps its place and its probabilities', async () => {
    const piece = (content: string) => chunk({ content }, { logprobs: { content: [content] } })
    const read = (pieces: readonly object[]) => readAll([...pieces, end()], { inlineThinking: true })
    const said = await read(['<', 'th', 'is', '>'].map(piece))
    expect(said).toMatchObject({ said: '<this>', logprobs: ['<', 'th', 'is', '>'] })
    const thought = await read(['<think>', 'on', '</think>', '\n', 'Yes', '.'].map(piece))
    expect(thought).toMatchObject({ thought: 'on', inline: 'on', said: 'Yes.', logprobs: ['Yes', '.'] })
    expect(await read([chunk({ reasoning: 'on' }), piece('Yes')])).toMatchObject({ thought: 'on', inline: '' })
    const call = { index: 0, id: 'c', function: { name: 'look', arguments: '{}' } }
    const called = await read([chunk({ content: '\n' }), chunk({ tool_calls: [call] })])
    expect(called).toMatchObject({ said: '\n', saidBeforeCalls: '\n' })
  })
})

describe('other replies', () => {
  const message = {
    role: 'assistant' as const,
    content: 'A',
    reasoning_content: 'hm',
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }],
  }
  const whole: ChatCompletion = {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, finish_reason: 'tool_calls', message }],
    usage,
  }
  const expected = {
    said: 'A',
    thought: 'hm',
    calls: [{ id: 'c', name: 'look', arguments: '{}' }],
    reasons: ['tool_calls'],
    used: [usage],
  }

  test('that came whole are one piece', async () => {
    const fold = new Fold()
    await readChatStream({ kind: 'value', value: whole }, fold, options)
    expect(fold).toMatchObject(expected)
    const bytes = new Fold()
    await readChatStream(
      { kind: 'bytes', bytes: Buffer.from(JSON.stringify(whole)), contentType: 'application/json' },
      bytes,
      options,
    )
    expect(bytes).toMatchObject(expected)
  })

  async function* events(...chunks: readonly object[]): AsyncGenerator<ChatCompletionChunk> {
    for (const each of chunks) yield Promise.resolve(each as ChatCompletionChunk)
  }

  test('that tell of events in a row are read like any other', async () => {
    const run = (member: string, texts: readonly string[], choice = 0): TextRun => ({
      choice,
      member,
      texts: texts.map((text) => Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1')),
      toText: () =>
        Buffer.from(
          texts
            .map((text) => chunk({ [member]: text }, { index: choice }))
            .map((each) => `data: ${JSON.stringify(each)}\n\n`)
            .join(''),
        ).toString('latin1'),
    })
    const fold = new Fold()
    const stream: ByteStream = {
      pipe(sink) {
        sink.run?.(run('reasoning', ['hm', ' "so"\n']))
        sink.run?.(run('content', ['no'], 1))
        sink.run?.(run('content', ['grün', ' 🏔️ \\', '!']))
        sink.text?.(`data: ${JSON.stringify(end('stop'))}\n\n`)
        sink.end()
      },
      pause: () => undefined,
      resume: () => undefined,
      cancel: () => undefined,
    }
    await readChatStream({ kind: 'stream', stream, contentType: 'text/event-stream' }, fold, options)
    expect(fold).toMatchObject({ said: 'grün 🏔️ \\!', thought: 'hm "so"\n', pieces: 3 })
  })

  test('that are typed events are read as they come', async () => {
    const fold = new Fold()
    const chunks = [
      chunk({ content: 'A', reasoning: 'hm', tool_calls: message.tool_calls }),
      end('tool_calls'),
      { ...head, choices: [], usage },
    ]
    await readChatStream({ kind: 'events', events: events(...chunks) }, fold, options)
    expect(fold).toMatchObject(expected)
  })

  test('of events that break off are errors', async () => {
    const reply = { kind: 'events' as const, events: events(chunk({ content: 'A' })) }
    await expect(readChatStream(reply, new Fold(), options)).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })
})

describe('what goes wrong', () => {
  test.each<[string, string, string]>([
    ['an error event', `data: ${JSON.stringify({ error: { message: 'Out of luck.' } })}\n\n`, 'Out of luck.'],
    ['what is no JSON', 'data: oops\n\n', 'not a JSON object'],
    ['an end before the answer ended', '', 'before the answer did'],
    ['an event that is cut', 'data: {"choices":[', 'not a JSON object'],
  ])('%s rejects, after what came before it', async (_about, ending, message) => {
    const fold = new Fold()
    const begun = `data: ${JSON.stringify(chunk({ content: 'A' }))}\n\n`
    const reply = {
      kind: 'stream' as const,
      contentType: 'text/event-stream',
      stream: bytesStream(Buffer.from(begun + ending)),
    }
    await expect(readChatStream(reply, fold, options)).rejects.toThrow(message)
    expect(fold.said).toBe('A')
  })

  test('the stream’s own error passes, and what the sink throws closes the source', async () => {
    const error = new StackError('provider_stream_broken', { provider: 'vendor', reason: 'gone' })
    const failing: ByteStream = { ...bytesStream([]), pipe: (sink) => sink.fail(error) }
    await expect(read(failing)).rejects.toBe(error)

    let cancelled = false
    const source = bytesStream(Buffer.from(sse([chunk({ content: 'A' }), end()])))
    const watched: ByteStream = { ...source, cancel: () => void (cancelled = true) }
    const fold = new Fold()
    fold.text = () => {
      throw error
    }
    const reply = { kind: 'stream' as const, contentType: 'text/event-stream', stream: watched }
    await expect(readChatStream(reply, fold, options)).rejects.toBe(error)
    expect(cancelled).toBe(true)
  })

  test('an abort closes the source, and the sink hears nothing more', async () => {
    const controller = new AbortController()
    let sink: ByteSink | undefined
    let cancelled = false
    const source: ByteStream = {
      pipe: (to) => void (sink = to),
      pause: () => undefined,
      resume: () => undefined,
      cancel: () => void (cancelled = true),
    }
    const fold = new Fold()
    const reply = { kind: 'stream' as const, contentType: 'text/event-stream', stream: source }
    const reading = readChatStream(reply, fold, { ...options, signal: controller.signal })
    sink?.text?.(`data: ${JSON.stringify(chunk({ content: 'A' }))}\n\n`)
    controller.abort()
    sink?.text?.(`data: ${JSON.stringify(chunk({ content: 'B' }))}\n\n`)
    expect(await reading).toBe('aborted')
    expect([fold.said, cancelled]).toEqual(['A', true])
  })

  test('an abort does not wait for an event that never comes', async () => {
    const controller = new AbortController()
    const never: AsyncIterable<ChatCompletionChunk> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    }
    const reading = readChatStream({ kind: 'events', events: never }, new Fold(), {
      ...options,
      signal: controller.signal,
    })
    controller.abort()
    expect(await reading).toBe('aborted')
  })
})
