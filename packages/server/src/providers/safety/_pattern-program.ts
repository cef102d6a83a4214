/** Several patterns as one list of instructions, which a text is led through once for all of them. */
import { StackError } from '@llama-stack/api'
import { parsePattern } from './_pattern-syntax.ts'
import type { Assertion, PatternNode, PatternSource, UnitTest, UnitTests } from './_pattern-syntax.ts'

/** One step. After `unit` and `assert` comes the next instruction. */
export type Instruction =
  | { readonly op: 'unit'; readonly matches: UnitTest }
  | { readonly op: 'assert'; readonly holds: Assertion }
  | { readonly op: 'jump'; readonly to: number[] }
  | { readonly op: 'found'; readonly pattern: number }

/** Instruction 0 leads to all patterns. */
export type PatternProgram = readonly Instruction[]

/** A unit of text takes at most one step per instruction, and `(?:.{1000}){1000}` is short to write. */
const MAX_INSTRUCTIONS = 5000

/** Compiles patterns. Throws `invalid_value` where one is refused: for its notation, or because it finds nothing. */
export function compilePatterns(patterns: readonly PatternSource[]): PatternProgram {
  const heads: number[] = []
  const program: Instruction[] = [{ op: 'jump', to: heads }]
  const tests: UnitTests = new Map()
  for (const [pattern, source] of patterns.entries()) {
    const head = program.length
    heads.push(head)
    emit(program, parsePattern(source, tests))
    program.push({ op: 'found', pattern })
    if (leadsTo(program, head, program.length - 1)) {
      throw refused(source, 'it matches the empty text, and so everything', 'Let it match at least one character.')
    }
  }
  return program
}

/** Refuses with `invalid_value` what {@link compilePatterns} refuses, and what would take too long for each character. */
export function checkPattern(pattern: PatternSource): void {
  if (countInstructions(parsePattern(pattern)) > MAX_INSTRUCTIONS) {
    throw refused(pattern, 'its repetitions make it too large', 'Repeat less, or without a bound.')
  }
  compilePatterns([pattern])
}

function refused({ source }: PatternSource, problem: string, fix: string): StackError {
  return new StackError('invalid_value', { param: 'pattern', problem, value: source, fix })
}

function emit(program: Instruction[], node: PatternNode): void {
  switch (node.kind) {
    case 'unit':
      program.push({ op: 'unit', matches: node.matches })
      break
    case 'assertion':
      program.push({ op: 'assert', holds: node.holds })
      break
    case 'sequence':
      for (const part of node.nodes) emit(program, part)
      break
    case 'choice':
      emitChoice(program, node.nodes)
      break
    case 'repeat':
      emitRepeat(program, node)
  }
}

function emitChoice(program: Instruction[], nodes: readonly PatternNode[]): void {
  const branches: number[] = []
  const ends: number[][] = []
  program.push({ op: 'jump', to: branches })
  for (const node of nodes) {
    branches.push(program.length)
    emit(program, node)
    ends.push(emitJump(program))
  }
  for (const end of ends) end.push(program.length)
}

function emitRepeat(program: Instruction[], { node, min, max }: Extract<PatternNode, { kind: 'repeat' }>): void {
  for (let time = 0; time < min; time += 1) emit(program, node)
  const ends: number[][] = []
  const optional = max === Infinity ? 1 : max - min
  for (let time = 0; time < optional; time += 1) {
    const at = program.length
    const fork = emitJump(program)
    fork.push(program.length)
    ends.push(fork)
    emit(program, node)
    if (max === Infinity) emitJump(program).push(at)
  }
  for (const end of ends) end.push(program.length)
}

/** Appends a jump and returns its targets, which are filled in when they are known. */
function emitJump(program: Instruction[]): number[] {
  const to: number[] = []
  program.push({ op: 'jump', to })
  return to
}

function countInstructions(node: PatternNode): number {
  switch (node.kind) {
    case 'unit':
    case 'assertion':
      return 1
    case 'sequence':
    case 'choice':
      return node.nodes.reduce((sum, part) => sum + countInstructions(part) + 1, 1)
    case 'repeat':
      return (countInstructions(node.node) + 2) * (node.max === Infinity ? node.min + 1 : Math.max(node.max, 1))
  }
}

/** Whether the target is reached without a character, where every assertion holds. */
function leadsTo(program: PatternProgram, from: number, target: number): boolean {
  const seen = new Set<number>()
  const open = [from]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === target) return true
    if (seen.has(at)) continue
    seen.add(at)
    const instruction = program[at]
    if (instruction?.op === 'jump') open.push(...instruction.to)
    if (instruction?.op === 'assert') open.push(at + 1)
  }
  return false
}
