import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { convertText, expandHome, findEnvExpressions, substituteText } from './env-grammar.ts'

const world = {
  env: {
    SET: 'value',
    EMPTY: '',
    TILDE: '~/data',
    OTHER_TILDE: 'a/~/b',
    HOME_ONLY: '~',
    SELF: '${env.SELF}',
    A1_B: 'x',
  },
  home: '/home/ada',
}

describe('substituteText', () => {
  it.each([
    ['${env.SET}', 'value'],
    ['${env.A1_B}', 'x'],
    ['${env.SET:=default}', 'value'],
    ['${env.UNSET:=default}', 'default'],
    ['${env.EMPTY:=default}', 'default'],
    ['${env.UNSET:=}', ''],
    ['${env.SET:+enabled}', 'enabled'],
    ['${env.SET:+}', ''],
    ['${env.UNSET:+enabled}', ''],
    ['${env.EMPTY:+enabled}', ''],
    ['${env.UNSET:=http://localhost:11434}', 'http://localhost:11434'],
    ['${env.UNSET:=a b\nc}', 'a b\nc'],
    ['pre-${env.SET}-mid-${env.UNSET:=d}-post', 'pre-value-mid-d-post'],
    ['${env.UNSET:=~/.llama/distributions/starter}/registry.db', '/home/ada/.llama/distributions/starter/registry.db'],
    ['${env.TILDE}', '/home/ada/data'],
    ['${env.HOME_ONLY}', '/home/ada'],
    ['${env.SET:+~/x}', '/home/ada/x'],
    ['${env.OTHER_TILDE}', 'a/~/b'],
    ['~/untouched', '~/untouched'],
    // What the grammar does not match stays as it is written.
    ['${env.SET:}', '${env.SET:}'],
    ['${env.SET:-d}', '${env.SET:-d}'],
    ['${env.set}', '${env.set}'],
    ['${env.}', '${env.}'],
    ['${SET}', '${SET}'],
    ['$env.SET', '$env.SET'],
    // No nesting: the inner expression's brace ends the outer one.
    ['${env.UNSET:=${env.SET}}', '${env.SET}'],
    ['${env.SELF}', '${env.SELF}'],
  ])('%j becomes %j', (text, expected) => {
    expect(substituteText(text, world)).toEqual({ text: expected, missing: [] })
  })

  it.each(['${env.UNSET}', '${env.EMPTY}'])('%s is missing', (text) => {
    const result = substituteText(`a ${text} b`, world)
    expect(result.text).toBe(`a ${text} b`)
    expect(result.missing).toEqual([expect.objectContaining({ text, operator: 'required' })])
  })

  it('names every missing variable of a text', () => {
    const { missing } = substituteText('${env.ONE}/${env.SET}/${env.TWO}', world)
    expect(missing.map(({ variable }) => variable)).toEqual(['ONE', 'TWO'])
  })

  it('replaces a dollar sign in a value by itself', () => {
    expect(substituteText('${env.X}', { env: { X: '$& $1 $$' }, home: '/' }).text).toBe('$& $1 $$')
  })

  it('leaves every text without an expression alone', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('${env.'))
        expect(substituteText(text, world)).toEqual({ text, missing: [] })
      }),
    )
  })

  it('takes the value when it is set and the default when it is not, whatever they are', () => {
    const name = fc.stringMatching(/^[A-Z0-9_]{1,12}$/)
    const operand = fc.string().filter((text) => !text.includes('}') && !text.startsWith('~'))
    const value = fc.string().filter((text) => !text.startsWith('~'))
    fc.assert(
      fc.property(name, operand, value, (variable, fallback, set) => {
        const result = (operator: string): string =>
          substituteText(`\${env.${variable}:${operator}${fallback}}`, { env: { [variable]: set }, home: '/h' }).text
        expect(result('=')).toBe(set === '' ? fallback : set)
        expect(result('+')).toBe(set === '' ? '' : fallback)
      }),
    )
  })
})

describe('convertText', () => {
  it.each<[string, ReturnType<typeof convertText>]>([
    ['', null],
    ['true', true],
    ['True', true],
    ['FALSE', false],
    ['42', 42],
    ['+7', 7],
    ['-1', -1],
    ['007', 7],
    ['1_000', 1000],
    [' 5 ', 5],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1_0.2_5', 10.25],
    ['inf', Infinity],
    ['-Infinity', -Infinity],
    ['nan', Number.NaN],
    // Texts that look like numbers to others but not to Python.
    ['0x10', '0x10'],
    ['1__0', '1__0'],
    ['_1', '_1'],
    ['1e', '1e'],
    ['yes', 'yes'],
    ['null', 'null'],
    [' ', ' '],
    ['.', '.'],
    ['1,5', '1,5'],
    ['http://localhost:8080', 'http://localhost:8080'],
    // Beyond 2^53 a number would be another one.
    ['12345678901234567890', '12345678901234567890'],
  ])('%j becomes %j', (text, expected) => {
    expect(convertText(text)).toEqual(expected)
  })

  it('reads every whole number that a number can hold', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        expect(convertText(String(number))).toBe(number)
      }),
    )
  })

  it('reads every other finite number as it is printed', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }), (number) => {
        expect(convertText(String(number))).toBe(number)
      }),
    )
  })
})

describe('findEnvExpressions', () => {
  it('tells name, operator and operand', () => {
    expect(findEnvExpressions('${env.A}${env.B:=b}${env.C:+}')).toEqual([
      { text: '${env.A}', variable: 'A', operator: 'required', operand: '' },
      { text: '${env.B:=b}', variable: 'B', operator: 'default', operand: 'b' },
      { text: '${env.C:+}', variable: 'C', operator: 'alternative', operand: '' },
    ])
  })
})

describe('expandHome', () => {
  it.each([
    ['~', '/h'],
    ['~/a', '/h/a'],
    ['~ada/a', '~ada/a'],
    ['/a/~', '/a/~'],
  ])('%s becomes %s', (path, expected) => {
    expect(expandHome(path, '/h')).toBe(expected)
  })
})
