/** From the words of the command line to the typed values that a command receives. */
import { parseArgs } from 'node:util'
import { StackError } from '@llama-stack/api'
import { findNearest } from '../kernel/nearest.ts'
import { commonOptions } from './command.ts'
import type { AnyCommand, Environment, OptionSpec, Options } from './command.ts'

/** The values of one call, before their types are tied to a command. */
export interface ParsedCommandLine {
  readonly args: Readonly<Record<string, string | undefined>>
  readonly options: Readonly<Record<string, OptionInput>>
}

type OptionInput = string | number | boolean | readonly string[] | undefined

/** Parses the words after the command's own. Throws `command_usage`, which names the nearest option. */
export function parseCommandLine(command: AnyCommand, words: readonly string[], env: Environment): ParsedCommandLine {
  const specs: Options = { ...commonOptions, ...command.options }
  const given = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokenize(specs, words)) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined
    if (spec === undefined) throw unknownOption(command, specs, token.rawName)
    given.set(token.name, [...(given.get(token.name) ?? []), optionWord(spec, token)])
  }
  const options: Record<string, OptionInput> = {}
  for (const [name, spec] of Object.entries(specs)) options[name] = optionValue({ name, spec, env }, given.get(name))
  return { args: argumentValues(command, positionals), options }
}

function tokenize(specs: Options, words: readonly string[]) {
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      Object.entries(specs).map(([name, spec]) => [
        name,
        {
          type: spec.type === 'boolean' ? ('boolean' as const) : ('string' as const),
          multiple: true,
          ...(spec.short === undefined ? {} : { short: spec.short }),
        },
      ]),
    ),
    allowPositionals: true,
    // Lenient, because the parser's own messages know neither the nearest option nor our format.
    strict: false,
    tokens: true,
  })
  return tokens
}

function optionWord(
  spec: OptionSpec,
  token: { rawName: string; value?: string | undefined; inlineValue?: boolean | undefined },
): string {
  if (spec.type === 'boolean') {
    if (token.value === undefined) return 'true'
    throw usage(`Option ${token.rawName} takes no value.`, `Write ${token.rawName} alone.`)
  }
  const missing = token.value === undefined || (token.inlineValue !== true && /^-./.test(token.value))
  if (missing)
    throw usage(`Option ${token.rawName} needs a value.`, `Write ${token.rawName} ${spec.placeholder ?? 'VALUE'}.`)
  return token.value ?? ''
}

interface NamedOption {
  readonly name: string
  readonly spec: OptionSpec
  readonly env: Environment
}

function optionValue({ name, spec, env }: NamedOption, words: readonly string[] | undefined): OptionInput {
  if (spec.type === 'strings') return words ?? []
  const variable = spec.env?.find((candidate) => (env[candidate] ?? '') !== '')
  const fromEnvironment = words === undefined && variable !== undefined
  const word = fromEnvironment ? env[variable] : words?.at(-1)
  const where = fromEnvironment ? variable : `--${name}`
  if (spec.type === 'boolean') return word !== undefined && !['0', 'false', 'no', 'off'].includes(word.toLowerCase())
  if (word === undefined) return spec.default
  if (spec.type === 'number') return toNumber(word, where, spec)
  if (spec.choices !== undefined && !spec.choices.includes(word)) {
    throw usage(`${where} is '${word}'.${didYouMean(word, spec.choices)}`, `Use one of: ${spec.choices.join(', ')}.`)
  }
  return word
}

function toNumber(word: string, where: string, spec: { minimum?: number; maximum?: number }): number {
  const number = Number(word)
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = spec
  if (!/^-?\d+$/.test(word) || number < minimum || number > maximum) {
    throw usage(
      `${where} is '${word}'.`,
      `Give a whole number ${spec.maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`}.`,
    )
  }
  return number
}

function argumentValues(command: AnyCommand, positionals: readonly string[]): Record<string, string | undefined> {
  const specs = Object.entries(command.arguments)
  const extra = positionals[specs.length]
  const words = `llama ${command.path.join(' ')}`
  if (extra !== undefined) {
    throw usage(`Unexpected argument '${extra}' for ${words}.`, `See ${words} --help.`)
  }
  return Object.fromEntries(
    specs.map(([name, spec], index) => {
      const value = positionals[index]
      if (value === undefined && spec.required === true) {
        throw usage(`${words} needs ${name.toUpperCase()}: ${spec.description}`, `Try: ${command.examples[0].command}`)
      }
      return [name, value]
    }),
  )
}

function unknownOption(command: AnyCommand, specs: Options, rawName: string): StackError {
  const nearest = findNearest(rawName.replace(/^--?/, ''), Object.keys(specs))
  const hint = nearest === undefined ? '' : ` Did you mean --${nearest}?`
  const words = `llama ${command.path.join(' ')}`
  return usage(`${words} has no option ${rawName}.${hint}`, `See ${words} --help.`)
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const nearest = findNearest(word, candidates)
  return nearest === undefined ? '' : ` Did you mean '${nearest}'?`
}

function usage(problem: string, fix: string): StackError {
  return new StackError('command_usage', { problem, fix })
}
