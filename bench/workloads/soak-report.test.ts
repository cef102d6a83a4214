import { expect, test } from 'vitest'
import { toSoakReport, type SoakOutcome } from './soak-report.ts'
import type { SoakSample } from './soak-watch.ts'

const mebibyte = 2 ** 20

function toSample(minute: number, more: Partial<SoakSample> = {}): SoakSample {
  return {
    atMs: minute * 60_000,
    rssBytes: 200 * mebibyte,
    heapBytes: 20 * mebibyte,
    heapCommittedBytes: 60 * mebibyte,
    externalBytes: 5 * mebibyte,
    handles: { TCPSocketWrap: 12 },
    loopDelayP99Ms: 1,
    serverSockets: 14,
    vendorSockets: 8,
    cpuMicros: minute * 6_000_000,
    ...more,
  }
}

function toOutcome(at: (minute: number) => Partial<SoakSample>, more: Partial<SoakOutcome> = {}): SoakOutcome {
  return {
    samples: Array.from({ length: 31 }, (_, minute) => toSample(minute, at(minute))),
    traffic: { visits: { chat: { answered: 100, failed: 3, wrong: {} } }, postponed: 0 },
    before: toSample(0, { serverSockets: 2 }),
    after: toSample(32, { serverSockets: 2 }),
    visitsPerSecond: 40,
    ...more,
  }
}

test('what stays flat passes, however it jitters', () => {
  const { failures, sections } = toSoakReport(
    toOutcome((minute) => ({ rssBytes: (200 + ((minute * 7) % 13)) * mebibyte, serverSockets: 14 + (minute % 3) })),
  )
  expect(failures).toEqual([])
  expect(sections[0]?.heading).toContain('30 minutes')
  expect(sections[0]?.remarks.join('\n')).toContain('10.0 % of a core')
})

test('what grows after the first half is a failure', () => {
  const { failures } = toSoakReport(toOutcome((minute) => ({ heapBytes: (20 + minute * 0.1) * mebibyte })))
  expect(failures).toEqual([expect.stringMatching(/^heap used grows by 6\.00 ± 0\.00 MiB per hour, must 2 MISSED/)])
})

test('what grew only until the caches were full is none', () => {
  const { failures } = toSoakReport(toOutcome((minute) => ({ heapBytes: (20 + Math.min(minute, 14)) * mebibyte })))
  expect(failures).toEqual([])
})

test('sockets that stay open when all is quiet are a failure', () => {
  const { failures } = toSoakReport(toOutcome(() => ({}), { after: toSample(32, { serverSockets: 9 }) }))
  expect(failures).toEqual([expect.stringContaining('after all was quiet: 9, must 8 MISSED')])
})

test('so is a visit that went as none should', () => {
  const wrong = { 'status 500: internal_error': 2 }
  const traffic = { visits: { chat: { answered: 100, failed: 0, wrong } }, postponed: 0 }
  const { failures } = toSoakReport(toOutcome(() => ({}), { traffic }))
  expect(failures).toEqual(['chat: 2 times status 500: internal_error, MISSED'])
})
