import { describe, expect, it } from 'vitest'
import { parseConfigDocument } from './config-document.ts'
import { formatPath, parsePath } from './config-path.ts'
import { redactLine } from './secret-keys.ts'

const text = `version: 2
providers:
  inference:
  - provider_id: one
    config:
      url: http://localhost
      api_key: "x \${env.OPENAI_API_KEY}"
  - provider_id: two
`

describe('locate', () => {
  const document = parseConfigDocument('run.yaml', text)

  it('finds values, keys and pieces of text', () => {
    expect(document.locate(['version'])).toMatchObject({ line: 1, column: 10 })
    expect(document.locate(['version'], 'key')).toMatchObject({ line: 1, column: 1 })
    expect(document.locate(['providers', 'inference', 1, 'provider_id'])).toMatchObject({ line: 8, column: 18 })
    expect(document.locate(['providers', 'inference', 1])).toMatchObject({ line: 8, column: 5 })
    const path = ['providers', 'inference', 0, 'config', 'api_key']
    expect(document.locate(path)).toMatchObject({ line: 7, column: 16 })
    expect(document.locate(path, { text: '${env.OPENAI_API_KEY}' })).toMatchObject({ line: 7, column: 19 })
  })

  it('falls back on what is closest around', () => {
    expect(document.locate(['providers', 'inference', 1, 'config', 'url'])).toMatchObject({ line: 8 })
    expect(document.locate(['providers', 'safety'])).toMatchObject({ line: 2, column: 1 })
    expect(document.locate(['nowhere'])).toMatchObject({ line: 1 })
  })

  it('shows the line', () => {
    expect(document.locate(['providers', 'inference', 0, 'config', 'url'])?.source).toBe('      url: http://localhost')
  })
})

describe('parseConfigDocument', () => {
  it('reads what PyYAML reads', () => {
    expect(parseConfigDocument('x', 'a: yes\nb: off\nc: 010\nd: ~\ne: &x {f: 1}\ng:\n  <<: *x\n').value).toEqual({
      a: true,
      b: false,
      c: 8,
      d: null,
      e: { f: 1 },
      g: { f: 1 },
    })
  })

  it('keeps dates and single letters text', () => {
    expect(parseConfigDocument('x', 'api_version: 2024-02-01\nn: y\n').value).toEqual({
      api_version: '2024-02-01',
      n: 'y',
    })
  })

  it('reports everything that is not YAML, with lines', () => {
    expect(() => parseConfigDocument('run.yaml', 'a: 1\na: 2\nb: [1\nc: "x\n')).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.stringMatching(/more faults? in the same configuration/),
        details: expect.objectContaining({
          file: 'run.yaml',
          line: 2,
          column: 1,
          problem: expect.stringContaining('twice'),
          others: expect.arrayContaining([expect.objectContaining({ problem: expect.stringContaining('not YAML') })]),
        }),
      }),
    )
  })
})

describe('redactLine', () => {
  it.each([
    ['  api_key: sk-123', '  api_key: <redacted>'],
    ['  - password: "hunter2"', '  - password: <redacted>'],
    ['  api_key: ${env.X:=sk-123}', '  api_key: <redacted>'],
    ['  api_key: ${env.X:=}', '  api_key: ${env.X:=}'],
    ['  api_key: ${env.X} # why', '  api_key: ${env.X} # why'],
    ['  max_tokens: 5', '  max_tokens: 5'],
    ['  config: {url: x, api_key: sk-123}', '  config: {url: x, api_key: <redacted>'],
    ['  api_keys: [sk-123, sk-456]', '  api_keys: <redacted>'],
    ['  password: |', '  password: |'],
    ['  url: postgres://me:pw@host/db', '  url: postgres://<redacted>@host/db'],
  ])('%s', (line, expected) => {
    expect(redactLine(line)).toBe(expected)
  })

  it('knows a secret by the key of its list', () => {
    const document = parseConfigDocument('x', 'server:\n  api_keys:\n  - 12345\n  - ${env.KEY}\n  hosts:\n  - 12345\n')
    expect(document.locate(['server', 'api_keys', 0])?.source).toBe('  - <redacted>')
    expect(document.locate(['server', 'api_keys', 1])?.source).toBe('  - ${env.KEY}')
    expect(document.locate(['server', 'hosts', 0])?.source).toBe('  - 12345')
  })
})

describe('formatPath', () => {
  it.each([[['providers', 'vector_io', 2, 'config']], [['a', 'b c', 0, 'd.e']], [[0, 'x']], [[]]])(
    '%j and back',
    (path) => {
      expect(parsePath(formatPath(path))).toEqual(path)
    },
  )
})
