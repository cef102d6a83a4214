import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PlacedList } from './placed-list.ts'
import type { Placed } from './placed-list.ts'

interface Numbered extends Placed {
  readonly number: number
}

const toMember = (number: number): Numbered => ({ number, place: undefined })

const step = fc.record({ number: fc.nat({ max: 9 }), comes: fc.boolean() })

test('has exactly the members that came and did not leave, whatever the order', () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const list = new PlacedList<Numbered>()
      const members = Array.from({ length: 10 }, (_, number) => toMember(number))
      const expected = new Set<Numbered>()
      for (const { number, comes } of steps) {
        const member = members[number] ?? toMember(number)
        if (!comes) {
          list.delete(member)
          expected.delete(member)
        } else if (member.place === undefined) {
          list.add(member)
          expected.add(member)
        }
      }
      expect(list.size).toBe(expected.size)
      expect(new Set(list)).toEqual(expected)
      expect(members.filter(({ place }) => place !== undefined)).toHaveLength(expected.size)
    }),
  )
})

test('its members may leave while it is walked', () => {
  const list = new PlacedList<Numbered>()
  for (const number of [1, 2, 3]) list.add(toMember(number))
  const seen: number[] = []
  for (const member of list) {
    seen.push(member.number)
    list.delete(member)
  }
  expect([seen, list.size]).toEqual([[1, 2, 3], 0])
})

test('who has left may come again, and takes nobody out by leaving twice', () => {
  const list = new PlacedList<Numbered>()
  const [one, two] = [toMember(1), toMember(2)]
  list.add(one)
  list.add(two)
  list.delete(one)
  list.delete(one)
  expect([...list]).toEqual([two])
  list.add(one)
  expect([...list]).toEqual([two, one])
})
