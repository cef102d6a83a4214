import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findTree, parseMachineTicks, parseProcessStat } from './process-stat.ts'

const line =
  '4711 (a (b) c) S 4700 4711 4711 0 -1 4194560 1886 12 0 0 31 7 110 20 20 0 11 0 8821 612352000 15360 184467 1 1 0\n'

test('a stat line is read behind the last parenthesis of the name', () => {
  expect(parseProcessStat(line)).toEqual({
    pid: 4711,
    parentPid: 4700,
    ownTicks: 38,
    reapedTicks: 130,
    residentPages: 15_360,
  })
})

test('what is no stat line is refused', () => {
  expect(() => parseProcessStat('nonsense')).toThrow('not a process stat line')
  expect(() => parseProcessStat('12 (cut off) S 1')).toThrow('not a process stat line')
})

test.skipIf(process.platform !== 'linux')('this process reads itself [needs Linux]', () => {
  const stat = parseProcessStat(readFileSync('/proc/self/stat', 'latin1'))
  expect(stat.pid).toBe(process.pid)
  expect(stat.parentPid).toBe(process.ppid)
  const resident = process.memoryUsage.rss()
  expect(stat.residentPages * 4096).toBeGreaterThan(resident / 2)
  expect(stat.residentPages * 4096).toBeLessThan(resident * 2)
})

test('busy time is all but idle, waiting and stolen', () => {
  expect(parseMachineTicks('cpu  100 20 30 9000 500 6 7 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n')).toEqual({
    busy: 163,
    stolen: 80,
  })
})

test('a tree holds children of children and no strangers', () => {
  const toStat = (pid: number, parentPid: number) => ({ pid, parentPid, ownTicks: 1, reapedTicks: 0, residentPages: 1 })
  const all = [toStat(12, 11), toStat(10, 1), toStat(11, 10), toStat(20, 1), toStat(13, 10)]
  expect(findTree(all, 10).map((stat) => stat.pid)).toEqual([10, 11, 13, 12])
  expect(findTree(all, 99)).toEqual([])
})
