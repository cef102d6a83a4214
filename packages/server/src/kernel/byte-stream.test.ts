import type { ByteSink, ByteStream } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesStream, readAll } from './byte-stream.ts'

/** Notes what a sink hears, in order. */
function createListener(onData: () => void = () => undefined): ByteSink & { readonly heard: string[] } {
  const heard: string[] = []
  return {
    heard,
    data(chunk) {
      heard.push(Buffer.from(chunk).toString())
      onData()
    },
    end: () => heard.push('end'),
    fail: ({ code }) => heard.push(code),
  }
}

const three = (): ByteStream => bytesStream(['a', 'b', 'c'].map((text) => Buffer.from(text)))

describe('bytes as a stream', () => {
  test('are pushed in order, and then end', () => {
    const sink = createListener()
    three().pipe(sink)
    expect(sink.heard).toEqual(['a', 'b', 'c', 'end'])
  })

  test('may be one chunk, or none', () => {
    const [one, none] = [createListener(), createListener()]
    bytesStream(Buffer.from('all')).pipe(one)
    bytesStream([]).pipe(none)
    expect([one.heard, none.heard]).toEqual([['all', 'end'], ['end']])
  })

  test('wait while paused and go on where they stopped', () => {
    const stream = three()
    const sink = createListener(() => stream.pause())
    stream.pipe(sink)
    expect(sink.heard).toEqual(['a'])
    stream.resume()
    expect(sink.heard).toEqual(['a', 'b'])
    stream.resume()
    stream.resume()
    expect(sink.heard).toEqual(['a', 'b', 'c', 'end'])
  })

  test('may be paused before they are piped', () => {
    const [stream, sink] = [three(), createListener()]
    stream.pause()
    stream.pipe(sink)
    expect(sink.heard).toEqual([])
    stream.resume()
    expect(sink.heard).toEqual(['a', 'b', 'c', 'end'])
  })

  test('say nothing more once cancelled, not even that they end', () => {
    const stream = three()
    const sink = createListener(() => stream.cancel())
    stream.pipe(sink)
    stream.pause()
    stream.resume()
    expect(sink.heard).toEqual(['a'])
  })

  test('are piped once', () => {
    const stream = three()
    stream.pipe(createListener())
    expect(() => stream.pipe(createListener())).toThrow('piped twice')
  })
})

describe('reading all', () => {
  test('gives the bytes whatever the chunks, up to the limit and no byte beyond', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 })), async (chunks) => {
        const whole = Buffer.concat(chunks)
        const read = await readAll(bytesStream(chunks), whole.byteLength, 'vendor')
        expect(Buffer.from(read).equals(whole)).toBe(true)
        if (whole.byteLength === 0) return
        await expect(readAll(bytesStream(chunks), whole.byteLength - 1, 'vendor')).rejects.toMatchObject({
          code: 'provider_bad_reply',
          details: { provider: 'vendor' },
        })
      }),
    )
  })

  test('lets the source go at the limit', async () => {
    let cancelled = false
    const endless: ByteStream = {
      pipe: (sink) => {
        while (!cancelled) sink.data(new Uint8Array(10))
      },
      pause: () => undefined,
      resume: () => undefined,
      cancel: () => {
        cancelled = true
      },
    }
    await expect(readAll(endless, 25, 'vendor')).rejects.toThrow("Provider 'vendor'")
    expect(cancelled).toBe(true)
  })

  test('fails as the stream fails', async () => {
    const failure = new StackError('provider_timeout', { provider: 'vendor', reason: 'silence' })
    const broken: ByteStream = { ...three(), pipe: (sink) => sink.fail(failure) }
    await expect(readAll(broken, 10, 'vendor')).rejects.toBe(failure)
  })
})
