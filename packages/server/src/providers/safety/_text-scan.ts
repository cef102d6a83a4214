/** Leads a growing text through a program: each unit once, however the text is cut. */
import type { PatternProgram } from './_pattern-program.ts'
import { isWordUnit } from './_pattern-syntax.ts'
import type { Assertion } from './_pattern-syntax.ts'

/** Told of each place where a pattern ends: the positions of its first unit and behind its last one. */
export type OnFound = (pattern: number, start: number, end: number) => void

/** Before the first and behind the last unit. */
const NOTHING = -1
const UNIT_VALUES = 0x1_00_00
const MAX_REMEMBERED_BEGINNINGS = 4096

/**
 * A program with what scans of it have in common: where a pattern can begin depends only on a unit and what is before it,
 * so it is worked out once.
 */
export class ScanPlan {
  readonly program: PatternProgram
  readonly #beginnings = new Map<number, readonly number[]>()

  constructor(program: PatternProgram) {
    this.program = program
  }

  /** The instructions that are reached when a pattern begins with this unit. */
  beginnings(before: number, unit: number): readonly number[] {
    const kind = before === NOTHING ? 0 : isWordUnit(before) ? 1 : 2
    const key = kind * UNIT_VALUES + unit
    let reached = this.#beginnings.get(key)
    if (reached === undefined) {
      reached = this.#reach(before, unit)
      if (this.#beginnings.size >= MAX_REMEMBERED_BEGINNINGS) this.#beginnings.clear()
      this.#beginnings.set(key, reached)
    }
    return reached
  }

  #reach(before: number, unit: number): number[] {
    const reached = new Set<number>()
    const seen = new Set<number>()
    const open = [0]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      const instruction = this.program[at]
      if (instruction?.op === 'jump') open.push(...instruction.to)
      else if (instruction?.op === 'assert' && holds(instruction.holds, before, unit)) open.push(at + 1)
      else if (instruction?.op === 'unit' && instruction.matches(unit)) reached.add(at + 1)
    }
    return [...reached]
  }
}

/**
 * One pass over one text. A pattern that ended is told at the next unit, for only that says whether a word or the text ends
 * there. Of several beginnings that lead to the same place, the first one counts.
 */
export class TextScan {
  readonly #plan: ScanPlan
  readonly #onFound: OnFound
  /** When an instruction was last visited: units are counted from 1. */
  readonly #visited: Uint32Array
  /** Instructions that are reached, and where what led there began: the earliest beginning first. */
  #reached: number[] = []
  #starts: number[] = []
  #position = 0
  #before = NOTHING

  constructor(plan: ScanPlan, onFound: OnFound) {
    this.#plan = plan
    this.#onFound = onFound
    this.#visited = new Uint32Array(plan.program.length)
  }

  /** How many of the last units may still become part of something that is found. */
  get undecided(): number {
    const [first] = this.#starts
    return first === undefined ? 0 : this.#position - first
  }

  add(piece: string): void {
    for (let index = 0; index < piece.length; index += 1) this.#step(piece.charCodeAt(index))
  }

  end(): void {
    this.#step(NOTHING)
  }

  #step(unit: number): void {
    if (this.#reached.length > 0) this.#advance(unit)
    if (unit === NOTHING) return
    for (const at of this.#plan.beginnings(this.#before, unit)) {
      this.#reached.push(at)
      this.#starts.push(this.#position)
    }
    this.#position += 1
    this.#before = unit
  }

  #advance(unit: number): void {
    const reached = this.#reached
    const starts = this.#starts
    this.#reached = []
    this.#starts = []
    for (let index = 0; index < reached.length; index += 1) this.#visit(reached[index] ?? 0, starts[index] ?? 0, unit)
  }

  #visit(at: number, start: number, unit: number): void {
    const now = this.#position + 1
    if (this.#visited[at] === now) return
    this.#visited[at] = now
    const instruction = this.#plan.program[at]
    if (instruction === undefined) return
    switch (instruction.op) {
      case 'unit':
        if (unit === NOTHING || !instruction.matches(unit)) return
        this.#reached.push(at + 1)
        this.#starts.push(start)
        return
      case 'jump':
        for (const target of instruction.to) this.#visit(target, start, unit)
        return
      case 'assert':
        if (holds(instruction.holds, this.#before, unit)) this.#visit(at + 1, start, unit)
        return
      case 'found':
        this.#onFound(instruction.pattern, start, this.#position)
    }
  }
}

function holds(assertion: Assertion, before: number, unit: number): boolean {
  if (assertion === 'start') return before === NOTHING
  if (assertion === 'end') return unit === NOTHING
  const isBoundary = (before !== NOTHING && isWordUnit(before)) !== (unit !== NOTHING && isWordUnit(unit))
  return isBoundary === (assertion === 'boundary')
}
