import type { ByteSink, ByteStream, CallContext, Reply } from '@llama-stack/api'
import { StackError } from '@llama-stack/api'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReliabilitySettings } from '../../config/reliability-settings.ts'
import { systemClock } from '../../kernel/clock.ts'
import { pause } from '../../kernel/pause.ts'
import type { Route, RouteTarget } from '../models/route.ts'
import type { ProviderHandle } from '../providers/provider-handle.ts'
import { ProviderHealthBook } from '../providers/provider-health.ts'
import { Executor } from './executor.ts'
import type { Operation } from './operation.ts'
import { TargetBook } from './target.ts'
import type { Target } from './target.ts'

/** What a target does with one attempt. */
type Turn = 'answers' | 'fails' | 'refuses' | 'is busy' | 'hangs' | 'breaks off early' | 'breaks off late'

const policy = ReliabilitySettings.parse({
  deadlineMs: 60,
  retries: 1,
  backoff: { baseMs: 1 },
  breaker: { failures: 4, openMs: 5 },
  bulkhead: { maxConcurrent: 2, maxQueue: 2, queueTimeoutMs: 20 },
})

const event = (delta: object): Buffer => Buffer.from(`data: ${JSON.stringify({ id: 'c', choices: [{ delta }] })}\n\n`)

/** A stream that says hello, or breaks off before or after it. */
function speak(turn: Turn): ByteStream {
  let sink: ByteSink | undefined
  const say = async (): Promise<void> => {
    await Promise.resolve()
    sink?.data(event({ role: 'assistant', content: '' }))
    if (turn === 'breaks off early') return sink?.fail(broken)
    sink?.data(event({ content: 'Hello' }))
    await Promise.resolve()
    if (turn === 'breaks off late') return sink?.fail(broken)
    sink?.end()
  }
  return {
    pipe(to) {
      sink = to
      void say()
    },
    pause: () => undefined,
    resume: () => undefined,
    cancel: () => (sink = undefined),
  }
}

const failure = { provider: 'p', reason: 'by order of the test' }
const broken = new StackError('provider_stream_broken', failure)

async function play(turn: Turn, streams: boolean, { signal }: CallContext): Promise<Reply<string>> {
  await Promise.resolve()
  if (turn === 'hangs') {
    await pause(10_000, signal)
    throw new StackError('provider_unreachable', failure)
  }
  if (turn === 'fails') throw new StackError('provider_internal', failure)
  if (turn === 'refuses') throw new StackError('provider_invalid_request', { ...failure, status: 400 })
  if (turn === 'is busy') throw new StackError('provider_rate_limited', { ...failure, retryAfterMs: 2 })
  return streams
    ? { kind: 'stream', stream: speak(turn), contentType: 'text/event-stream' }
    : { kind: 'value', value: 'Hello' }
}

/** Reads a reply to its end. */
function read(reply: Reply<string>): Promise<string> {
  if (reply.kind !== 'stream') return Promise.resolve(JSON.stringify(reply))
  let text = ''
  return new Promise((resolve, reject) => {
    reply.stream.pipe({
      data: (chunk) => (text += Buffer.from(chunk).toString()),
      end: () => resolve(text),
      fail: reject,
    })
  })
}

function toTargets(ids: readonly string[]): RouteTarget[] {
  const book = new TargetBook(policy, new ProviderHealthBook(systemClock))
  return ids.map((id) => ({
    // Only the id of the provider is looked at.
    target: book.get({ id } as ProviderHandle, 'm'),
    weight: 1,
    metadata: {},
  }))
}

const turns = fc.constantFrom<Turn>(
  'answers',
  'answers',
  'fails',
  'refuses',
  'is busy',
  'hangs',
  'breaks off early',
  'breaks off late',
)

const request = fc.record({
  streams: fc.boolean(),
  strategy: fc.constantFrom('order' as const, 'weighted' as const, 'least_latency' as const, 'session' as const),
  hedges: fc.boolean(),
  continuation: fc.boolean(),
  /** When the client leaves, if it does. */
  leavesAfterMs: fc.option(fc.integer({ min: 0, max: 30 }), { freq: 5 }),
})

test('whatever targets do: every request ends in time, and nothing is held afterwards', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 12 }),
      fc.array(turns, { minLength: 1, maxLength: 40 }),
      async (requests, script) => {
        using executor = new Executor({ policy, clock: systemClock, random: Math.random, once: false })
        const targets = toTargets(['a', 'b', 'c'])
        let next = 0
        const run = async (asked: (typeof requests)[number]): Promise<string> => {
          const client = new AbortController()
          const context: CallContext = {
            principal: { id: 'p' },
            requestId: 'r',
            signal: client.signal,
            providerData: {},
            record: {},
          }
          const { strategy, continuation } = asked
          const route = { requested: 'm', strategy, continuation, targets, ...(asked.hedges && { hedgeAfterMs: 3 }) }
          const operation: Operation<Reply<string>> = {
            // There are three.
            route: route as unknown as Route,
            context,
            request: {},
            canResume: () => true,
            attempt: (_: Target, call) =>
              play(script[next++ % script.length] ?? 'answers', asked.streams, call.context),
          }
          const timer = asked.leavesAfterMs === null ? undefined : setTimeout(() => client.abort(), asked.leavesAfterMs)
          try {
            return await read(await executor.run(operation))
          } catch (error) {
            return error instanceof StackError || client.signal.aborted ? 'refused' : `a mistake: ${String(error)}`
          } finally {
            clearTimeout(timer)
          }
        }
        const started = performance.now()
        const ends = await Promise.all(requests.map(run))
        expect(performance.now() - started).toBeLessThan(2000)
        expect(ends.filter((end) => end.startsWith('a mistake'))).toEqual([])
        expect(ends.every((end) => end === 'refused' || end.includes('Hello'))).toBe(true)
        // What was called off ends a moment later.
        await pause(5, new AbortController().signal)
        for (const { target } of targets) {
          expect([target.bulkhead?.running, target.bulkhead?.waiting, target.latency.inFlight]).toEqual([0, 0, 0])
          expect(target.breaker.state).not.toBe('half-open')
        }
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)
