import { expect, test } from 'vitest'
import type { TargetRole } from '../targets/target.ts'
import type { Cell } from './cell.ts'
import { refreshPage } from './docs-page.ts'
import { applyDriverGate } from './rounds.ts'
import { toSummaries, toVerdict } from './summary.ts'

function toCell(target: string, role: TargetRole, figures: Partial<Cell>): Cell {
  return {
    workload: 'chat',
    variant: 'S',
    target,
    role,
    round: 1,
    discarded: false,
    unit: 'request',
    units: 100,
    cpuMicros: 1000,
    cpuPerUnit: 10,
    ratePerSecond: 1000,
    wallMs: 100,
    rssBytes: 0,
    loadavg: 0,
    foreignCores: 0,
    stolenCores: 0,
    voids: [],
    notes: [],
    extra: {},
    ...figures,
  }
}

test('a target whose pace the driver set is void; a floor only loses its rate', () => {
  const cells = [
    toCell('direct', 'direct', { ratePerSecond: 3000 }),
    toCell('nginx', 'reference', { ratePerSecond: 1500 }),
    toCell('slow', 'peer', { ratePerSecond: 900 }),
    toCell('fast', 'ours', { ratePerSecond: 1500 }),
  ]
  const [, nginx, slow, fast] = applyDriverGate(cells, 'void')
  expect(nginx?.voids).toEqual([])
  expect(nginx?.notes).toEqual(['driver-bound: direct is only 2.0x faster'])
  expect(slow?.voids).toEqual([])
  expect(fast?.voids).toEqual(['driver-bound: direct is only 2.0x faster'])
  expect(applyDriverGate(cells, 'note').flatMap((cell) => cell.voids)).toEqual([])
})

test('ratios are medians of rounds; discarded and void cells do not count', () => {
  const cells = [
    toCell('nginx', 'reference', { round: 0, discarded: true, cpuPerUnit: 1 }),
    toCell('ours', 'ours', { round: 0, discarded: true, cpuPerUnit: 900 }),
    ...[10, 20, 10].map((cpuPerUnit, index) => toCell('nginx', 'reference', { round: index + 1, cpuPerUnit })),
    ...[40, 60, 20].map((cpuPerUnit, index) => toCell('ours', 'ours', { round: index + 1, cpuPerUnit })),
    toCell('nginx', 'reference', { round: 4, cpuPerUnit: 10 }),
    toCell('ours', 'ours', { round: 4, cpuPerUnit: 5000, voids: ['errors: 3'] }),
  ]
  const [nginx, ours] = toSummaries(cells, ['nginx', 'ours'])
  expect(nginx?.ratio).toEqual({ median: 1, min: 1, max: 1 })
  expect(ours?.ratio).toEqual({ median: 3, min: 2, max: 4 })
  expect(ours?.rounds).toBe(3)
  expect(ours?.voids).toEqual(['errors: 3 (1 of the cells)'])
})

test('a verdict says whether the bound is kept and how far the goal is', () => {
  const bound = { what: 'ratio', must: 5, goal: 2.5, unit: 'x' }
  expect(toVerdict(bound, 2)).toContain('kept, goal reached')
  expect(toVerdict(bound, 5)).toContain('must 5x kept, 2.00x the goal')
  expect(toVerdict(bound, 6)).toContain('MISSED')
  expect(toVerdict(bound, undefined)).toContain('not measured')
})

test('a page keeps the blocks of other workloads', () => {
  const one = refreshPage('# Benchmarks\n', 'chat', '<!-- bench:chat -->old<!-- /bench:chat -->')
  const two = refreshPage(one, 'stream', '<!-- bench:stream -->streams<!-- /bench:stream -->')
  const three = refreshPage(two, 'chat', '<!-- bench:chat -->new<!-- /bench:chat -->')
  expect(three).toBe(
    '# Benchmarks\n\n<!-- bench:chat -->new<!-- /bench:chat -->\n\n<!-- bench:stream -->streams<!-- /bench:stream -->\n',
  )
})
