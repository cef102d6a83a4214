import { StackError } from '@llama-stack/api'
import type { ByteSink, ByteStream } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesStream } from './byte-stream.ts'
import { EventPull } from './event-pull.ts'
import type { EventParser } from './event-pull.ts'

/** Each line is an event. */
function toLines(emit: (line: string) => void): EventParser {
  let rest = ''
  return {
    push(chunk) {
      const lines = (rest + Buffer.from(chunk).toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === 'bad') throw new StackError('provider_bad_reply', { provider: 'vendor', reason: 'bad line' })
        emit(line)
      }
    },
    end() {
      if (rest !== '') emit(rest)
    },
  }
}

/** A stream that a test drives by hand. */
class HandStream implements ByteStream {
  sink: ByteSink | undefined
  readonly steps: string[] = []
  pipe(sink: ByteSink): void {
    this.sink = sink
  }
  pause(): void {
    this.steps.push('pause')
  }
  resume(): void {
    this.steps.push('resume')
  }
  cancel(): void {
    this.steps.push('cancel')
  }
  say(text: string): void {
    this.sink?.data(Buffer.from(text))
  }
}

const failure = (): StackError => new StackError('provider_stream_broken', { provider: 'vendor', reason: 'gone' })

describe('events', () => {
  test('come in their order, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(9)), fc.array(fc.integer({ min: 1, max: 5 })), async (numbers, cuts) => {
        const bytes = Buffer.from(numbers.map((number) => `${number}\n`).join(''))
        const chunks: Uint8Array[] = []
        for (let from = 0, cut = 0; from < bytes.length; cut += 1) {
          const size = cuts[cut % Math.max(1, cuts.length)] ?? 3
          chunks.push(bytes.subarray(from, from + size))
          from += size
        }
        const seen = await Array.fromAsync(new EventPull(bytesStream(chunks), toLines))
        expect(seen).toEqual(numbers.map(String))
      }),
    )
  })

  test('that came before a failure are told before it', async () => {
    const stream = new HandStream()
    const pull = new EventPull(stream, toLines)
    stream.say('a\nb\n')
    stream.sink?.fail(failure())
    expect(await pull.next()).toEqual({ done: false, value: 'a' })
    expect(await pull.next()).toEqual({ done: false, value: 'b' })
    await expect(pull.next()).rejects.toMatchObject({ code: 'provider_stream_broken' })
  })

  test('a reader that waits is woken', async () => {
    const stream = new HandStream()
    const pull = new EventPull(stream, toLines)
    const waiting = pull.next()
    stream.say('a\n')
    expect(await waiting).toEqual({ done: false, value: 'a' })
    const end = pull.next()
    stream.sink?.end()
    expect(await end).toEqual({ done: true, value: undefined })
  })
})

describe('ready', () => {
  test('takes nothing away', async () => {
    const pull = new EventPull(bytesStream(Buffer.from('a\nb')), toLines)
    await pull.ready()
    expect(await Array.fromAsync(pull)).toEqual(['a', 'b'])
  })

  test('throws what went wrong before the first event, and nothing later', async () => {
    const stream = new HandStream()
    const pull = new EventPull(stream, toLines)
    const ready = pull.ready()
    stream.sink?.fail(failure())
    await expect(ready).rejects.toMatchObject({ code: 'provider_stream_broken' })
    const late = new EventPull(bytesStream(Buffer.from('a\nbad\n')), toLines)
    await late.ready()
    await late.next()
    await expect(late.next()).rejects.toMatchObject({ code: 'provider_bad_reply' })
  })
})

test('what the parser refuses closes the source', async () => {
  const stream = new HandStream()
  const pull = new EventPull(stream, toLines)
  stream.say('bad\n')
  expect(stream.steps).toEqual(['cancel'])
  await expect(pull.next()).rejects.toMatchObject({ code: 'provider_bad_reply' })
})

test('a reader that leaves before it began closes the source', async () => {
  const stream = new HandStream()
  const pull = new EventPull(stream, toLines)
  await pull.return()
  await pull.return()
  expect(stream.steps).toEqual(['cancel'])
  expect(await pull.next()).toEqual({ done: true, value: undefined })
})

test('a slow reader pauses the source until it has caught up', async () => {
  const stream = new HandStream()
  const pull = new EventPull(stream, toLines)
  stream.say('x\n'.repeat(65))
  expect(stream.steps).toEqual(['pause'])
  for (let taken = 0; taken < 64; taken += 1) await pull.next()
  expect(stream.steps).toEqual(['pause'])
  await pull.next()
  expect(stream.steps).toEqual(['pause', 'resume'])
})
