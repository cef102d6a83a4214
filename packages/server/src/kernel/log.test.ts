import { expect, test } from 'vitest'
import { createLog } from './log.ts'
import type { LogOptions } from './log.ts'

const clock = { now: () => Date.UTC(2026, 10, 22, 9, 30, 5), monotonic: () => 0 }

function collect(options: Pick<LogOptions, 'format' | 'level'>): {
  log: ReturnType<typeof createLog>
  lines: string[]
} {
  const lines: string[] = []
  return { log: createLog({ ...options, clock, write: (line) => lines.push(line) }), lines }
}

const levels = ['debug', 'info', 'warn', 'error'] as const

test.each(levels.map((level, index) => [level, levels.slice(index)] as const))(
  'at level %s these are written: %j',
  (level, written) => {
    const { log, lines } = collect({ format: 'json', level })
    for (const each of levels) log[each]('it happened')
    expect(lines.map((line) => (JSON.parse(line) as Record<string, unknown>)['level'])).toEqual(written)
  },
)

test('the level is info unless it is set', () => {
  const { log, lines } = collect({ format: 'json' })
  log.debug('unseen')
  log.info('seen')
  expect(lines).toHaveLength(1)
})

test('a line for machines is one JSON object with the time, whatever the message', () => {
  const { log, lines } = collect({ format: 'json' })
  log.info('two\nlines', { count: 2, nested: { a: [null] } })
  expect(lines).toHaveLength(1)
  expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1)
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: '2026-11-22T09:30:05.000Z',
    level: 'info',
    message: 'two\nlines',
    count: 2,
    nested: { a: [null] },
  })
})

test('a line for people has the time of day, the level where it matters, and the fields', () => {
  const { log, lines } = collect({ format: 'pretty' })
  log.info('listening', { url: 'http://localhost:8321', port: 8321 })
  log.warn('slow')
  expect(lines).toEqual(['09:30:05  listening  url=http://localhost:8321  port=8321\n', '09:30:05  warn  slow\n'])
})

test('a child adds its fields to every line, and its own children theirs', () => {
  const { log, lines } = collect({ format: 'pretty' })
  const child = log.child({ provider: 'openai', attempt: 1 })
  child.info('asked')
  child.child({ attempt: 2 }).info('asked', { status: 200 })
  log.info('done')
  expect(lines).toEqual([
    '09:30:05  asked  provider=openai  attempt=1\n',
    '09:30:05  asked  provider=openai  attempt=2  status=200\n',
    '09:30:05  done\n',
  ])
})
