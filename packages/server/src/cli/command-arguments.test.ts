import { describe, expect, it } from 'vitest'
import { isStackError } from '@llama-stack/api'
import { parseCommandLine } from './command-arguments.ts'
import { defineCommand } from './command.ts'
import type { Environment } from './command.ts'

const example = { command: 'llama try x', shows: 'nothing' }
const command = defineCommand({
  path: ['try'],
  group: 'Use',
  summary: 'Try',
  arguments: { target: { required: true, description: 'What.' }, other: { description: 'More.' } },
  options: {
    port: { type: 'number', minimum: 1, maximum: 65_535, env: ['TRY_PORT', 'OLD_PORT'], default: 80, description: '' },
    name: { type: 'string', short: 'n', description: '', placeholder: 'NAME' },
    form: { type: 'string', choices: ['json', 'pretty'], default: 'json', description: '' },
    env: { type: 'strings', description: '' },
    force: { type: 'boolean', env: ['TRY_FORCE'], description: '' },
  },
  examples: [example, example, example],
  run: () => Promise.resolve(0),
})

function parse(words: string, env: Environment = {}) {
  return parseCommandLine(command, words.split(' '), env)
}

function refusal(words: string, env: Environment = {}): string {
  try {
    parse(words, env)
  } catch (error) {
    if (isStackError(error, 'command_usage')) return error.message
    throw error
  }
  return 'accepted'
}

describe('parseCommandLine', () => {
  it('takes options, short ones, repeated ones and arguments in any order', () => {
    const { args, options } = parse('--env A=1 one --port=90 -n x --env B=2 two --force --json')
    expect(args).toEqual({ target: 'one', other: 'two' })
    expect(options).toMatchObject({ port: 90, name: 'x', env: ['A=1', 'B=2'], force: true, json: true, form: 'json' })
  })

  it('leaves what is absent at its default', () => {
    const { args, options } = parse('one')
    expect(args).toEqual({ target: 'one', other: undefined })
    expect(options).toEqual({
      port: 80,
      name: undefined,
      form: 'json',
      env: [],
      force: false,
      json: false,
      quiet: false,
      verbose: false,
      help: false,
    })
  })

  it('reads variables in their order, below the option and above the default', () => {
    expect(parse('one', { OLD_PORT: '2' }).options['port']).toBe(2)
    expect(parse('one', { TRY_PORT: '1', OLD_PORT: '2' }).options['port']).toBe(1)
    expect(parse('one --port 3', { TRY_PORT: '1' }).options['port']).toBe(3)
    expect(parse('one', { TRY_PORT: '' }).options['port']).toBe(80)
    expect(parse('one', { TRY_FORCE: '1' }).options['force']).toBe(true)
    expect(parse('one', { TRY_FORCE: 'false' }).options['force']).toBe(false)
  })

  it('takes everything after a double dash as arguments', () => {
    expect(parse('-- --force').args['target']).toBe('--force')
  })

  it.each([
    ['one --prot 1', 'llama try has no option --prot. Did you mean --port? See llama try --help.'],
    ['one --frobnicate', 'llama try has no option --frobnicate. See llama try --help.'],
    ['one --constructor', 'llama try has no option --constructor. See llama try --help.'],
    ['one -x', 'llama try has no option -x. See llama try --help.'],
    ['one --port', 'Option --port needs a value. Write --port VALUE.'],
    ['one --name --force', 'Option --name needs a value. Write --name NAME.'],
    ['one --port abc', "--port is 'abc'. Give a whole number from 1 to 65535."],
    ['one --port 0', "--port is '0'. Give a whole number from 1 to 65535."],
    ['one --port 1.5', "--port is '1.5'. Give a whole number from 1 to 65535."],
    ['one --form yaml', "--form is 'yaml'. Use one of: json, pretty."],
    ['one --form prety', "--form is 'prety'. Did you mean 'pretty'? Use one of: json, pretty."],
    ['one --force=yes', 'Option --force takes no value. Write --force alone.'],
    ['one two three', "Unexpected argument 'three' for llama try. See llama try --help."],
    ['--force', 'llama try needs TARGET: What. Try: llama try x'],
  ])('refuses %s', (words, message) => {
    expect(refusal(words)).toBe(message)
  })

  it('names the variable when its value is wrong', () => {
    expect(refusal('one', { OLD_PORT: 'x' })).toMatch(/^OLD_PORT is 'x'\./)
  })
})
