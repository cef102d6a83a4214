import { expect, test } from 'vitest'
import type { Cell } from '../harness/cell.ts'
import { plainRows, toDepthSection, toTurnsSection, type ResponseRow } from './responses-report.ts'

const { direct, chat, programChat } = plainRows

function toCell(target: string, round: number, more: Partial<Cell> = {}): Cell {
  return {
    workload: 'responses',
    variant: 'turns',
    target,
    role: target === direct ? 'direct' : 'ours',
    round,
    discarded: round === 0,
    unit: 'response',
    units: 1_000,
    cpuMicros: 100_000,
    cpuPerUnit: 100,
    ratePerSecond: 2_000,
    wallMs: 500,
    rssBytes: 2 ** 27,
    foreignCores: 0,
    stolenCores: 0,
    loadavg: 1,
    voids: [],
    notes: [],
    extra: {},
    ...more,
  }
}

const cost = (target: string, cpuPerUnit: number): Cell[] =>
  [0, 1, 2].map((round) => toCell(target, round, { cpuPerUnit: round === 0 ? 9_999 : cpuPerUnit }))

test('every row is compared with the chat completions of its own process', () => {
  const rows: ResponseRow[] = [
    { name: chat, reference: chat },
    { name: 'one turn', reference: chat },
    { name: programChat, reference: programChat },
    { name: 'own function', reference: programChat },
  ]
  const cells = [
    ...cost(chat, 100),
    ...cost('one turn', 290),
    ...cost(programChat, 200),
    ...cost('own function', 1_300),
  ]
  const { rows: table, remarks } = toTurnsSection(cells, rows)
  expect(table.map(([name, , ratio]) => [name, ratio])).toEqual([
    [chat, '1.00 (1.00 - 1.00)'],
    ['one turn', '2.90 (2.90 - 2.90)'],
    [programChat, '1.00 (1.00 - 1.00)'],
    ['own function', '6.50 (6.50 - 6.50)'],
  ])
  expect(remarks).toEqual([
    'one turn, to W1: 2.90x, must 6x kept, goal reached',
    'own function, to W1: 6.50x, must 6x MISSED, 2.17x the goal of 3x',
  ])
})

test('growth is told against the shallowest of the same round, with what the model was sent', () => {
  const rows = [chat, 'depth 1', 'depth 25'].map((name) => ({ name, reference: chat }))
  const cells = [
    ...cost(chat, 100),
    ...cost('depth 1', 300).map((cell) => ({ ...cell, extra: { upstreamBytes: 512 } })),
    ...cost('depth 25', 480).map((cell) => ({ ...cell, extra: { upstreamBytes: 7_000 } })),
  ]
  const { rows: table, remarks } = toDepthSection(cells, rows, ['depth 1', 'depth 25'])
  expect(table.map(([name, , toChat, toFirst, bytes]) => [name, toChat, toFirst, bytes])).toEqual([
    [chat, '1.00 (1.00 - 1.00)', '-', '-'],
    ['depth 1', '3.00 (3.00 - 3.00)', '1.00 (1.00 - 1.00)', '512'],
    ['depth 25', '4.80 (4.80 - 4.80)', '1.60 (1.60 - 1.60)', '7000'],
  ])
  expect(remarks).toEqual(['depth 25 to depth 1: 1.60x, must 1.5x MISSED, 1.23x the goal of 1.3x'])
})

test('a row without a figure is told as not measured, and why', () => {
  const rows = [chat, 'one turn'].map((name) => ({ name, reference: chat }))
  const cells = [...cost(chat, 100), ...cost('one turn', 0).map((cell) => ({ ...cell, voids: ['status 500'] }))]
  expect(toTurnsSection(cells, rows).remarks).toEqual([
    'one turn, to W1: not measured (must: 6x, goal: 3x)',
    'void: one turn: status 500 (2 of the cells)',
  ])
})
