import { describe, expect, it } from 'vitest'
import { errorTable, StackError } from '@llama-stack/api'
import { exitCodeOf, exitCodes } from './exit-code.ts'
import { explainAll, explainCode } from './explain-error.ts'
import { renderError } from './render-error.ts'
import { toTerminal } from './terminal.ts'

const terminal = toTerminal({ write: () => undefined, isTTY: false, columns: undefined }, {})
const plain = { terminal, json: false, verbose: false }

const missing = new StackError('config_env', {
  variable: 'OPENAI_API_KEY',
  file: 'run.yaml',
  line: 14,
  column: 16,
  source: '      api_key: ${env.OPENAI_API_KEY}  # for tests',
  problem: 'OPENAI_API_KEY is not set, and run.yaml needs it.',
  fix: 'export OPENAI_API_KEY=…',
})

describe('renderError', () => {
  it('shows the line of a fault with carets under it', () => {
    expect(renderError(missing, plain)).toBe(
      [
        'error[config-env]  OPENAI_API_KEY is not set, and run.yaml needs it.',
        '  run.yaml:14:16      api_key: ${env.OPENAI_API_KEY}  # for tests',
        '                               ^^^^^^^^^^^^^^^^^^^^^',
        '  Fix   export OPENAI_API_KEY=…',
        '  More  llama explain config-env',
        '',
      ].join('\n'),
    )
  })

  it('shows every fault of a file', () => {
    const fault = { file: 'run.yaml', problem: 'First.', fix: 'Do this.' }
    const other = {
      file: 'run.yaml',
      line: 3,
      column: 3,
      source: '  port: x # no',
      problem: 'Second.',
      fix: 'Do that.',
    }
    expect(renderError(new StackError('config_invalid', { ...fault, others: [other] }), plain)).toBe(
      [
        'error[config-invalid]  First.',
        '  run.yaml',
        '  Fix   Do this.',
        '',
        '  Second.',
        '  run.yaml:3:3      port: x # no',
        '                    ^^^^',
        '  Fix   Do that.',
        '  More  llama explain config-invalid',
        '',
      ].join('\n'),
    )
  })

  it('separates what happened from what to do', () => {
    expect(renderError(new StackError('port_in_use', { port: 8321, host: '127.0.0.1' }), plain)).toBe(
      [
        'error[port-in-use]  Port 8321 on 127.0.0.1 is in use.',
        '  Fix   Stop the other server, or choose another port: --port 8322.',
        '  More  llama explain port-in-use',
        '',
      ].join('\n'),
    )
  })

  it("leaves a vendor's words together and shows the server's own code", () => {
    const refused = { url: '', status: 429, code: 'rate_limit_exceeded', reason: 'Slow down. You may retry in 20 s.' }
    expect(renderError(new StackError('server_refused', refused), plain)).toBe(
      'error[rate-limit-exceeded]  Slow down. You may retry in 20 s.\n',
    )
  })

  it('hides the stack of a mistake of ours until it is asked for', () => {
    const text = renderError(new TypeError('x is not a function'), plain)
    expect(text).toContain('error[internal-error]  This is a mistake of ours, not of yours: x is not a function')
    expect(text).not.toContain('.test.ts')
    expect(renderError(new TypeError('x'), { ...plain, verbose: true })).toContain('render-error.test.ts')
  })

  it('is one JSON object on request', () => {
    expect(JSON.parse(renderError(missing, { ...plain, json: true }))).toMatchObject({
      error: { code: 'config_env', fix: 'export OPENAI_API_KEY=…', where: { file: 'run.yaml', line: 14, column: 16 } },
    })
  })
})

describe('exitCodeOf', () => {
  it.each<[StackError, number]>([
    [new StackError('command_usage', { problem: '', fix: '' }), exitCodes.usage],
    [new StackError('port_in_use', { port: 1, host: '' }), exitCodes.bind],
    [new StackError('unsafe_bind', { host: '' }), exitCodes.bind],
    [missing, exitCodes.config],
    [new StackError('invalid_api_key', { ending: '' }), exitCodes.authentication],
    [new StackError('server_unreachable', { url: '', reason: '' }), exitCodes.network],
    [new StackError('model_not_found', { model: '' }), exitCodes.notFound],
    [new StackError('server_refused', { url: '', status: 401, code: '', reason: '' }), exitCodes.authentication],
    [new StackError('server_refused', { url: '', status: 404, code: '', reason: '' }), exitCodes.notFound],
    [new StackError('server_refused', { url: '', status: 500, code: '', reason: '' }), exitCodes.failed],
  ])('of %s is %d', (error, code) => {
    expect(exitCodeOf(error)).toBe(code)
  })

  it('of anything else is 1', () => {
    expect(exitCodeOf(new Error('x'))).toBe(1)
  })
})

describe('explainCode', () => {
  it('explains every row of the table in words', () => {
    const all = explainAll()
    expect(all.map(({ code }) => code)).toEqual(Object.keys(errorTable))
    for (const { message } of all) {
      expect(message).toMatch(/\S/)
      expect(message).not.toMatch(/undefined|NaN|\[object/)
    }
  })

  it('takes dashes and underscores, and suggests the nearest code', () => {
    expect(explainCode('Port-In-Use')).toMatchObject({ code: 'port_in_use', exitCode: 3 })
    expect(() => explainCode('port-in-us')).toThrow('Did you mean: llama explain port-in-use?')
  })
})
