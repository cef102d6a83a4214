import { describe, expect, it } from 'vitest'
import { substituteTree } from './env-tree.ts'

const env = { KEY: '0123456789', PORT: '8400', ON: 'true', NAME: '42', OFF: '__disabled__', EMPTY: '' }

function substitute(value: unknown, dropsEmptyIds = true): ReturnType<typeof substituteTree> {
  return substituteTree(value, { env, home: '/home/ada' }, { dropsEmptyIds })
}

describe('substituteTree', () => {
  it('converts only what substitution changed', () => {
    const { value } = substitute({
      port: '${env.PORT}',
      quoted: '8400',
      on: '${env.ON}',
      empty: '${env.NONE:=}',
      list: ['${env.PORT}'],
    })
    expect(value).toEqual({ port: 8400, quoted: '8400', on: true, empty: null, list: [8400] })
  })

  it('never substitutes keys', () => {
    expect(substitute({ '${env.PORT}': 1 }).value).toEqual({ '${env.PORT}': 1 })
  })

  it('keeps a key named __proto__ a key', () => {
    const { value } = substitute(JSON.parse('{"__proto__": {"polluted": "${env.ON}"}}'))
    expect(Object.keys(value as object)).toEqual(['__proto__'])
    expect({}).not.toHaveProperty('polluted')
  })

  it.each(['api_key', 'api_token', 'token', 'password', 'secret', 'aws_secret_access_key', 'brave_api_key'])(
    'keeps digits under %s text',
    (key) => {
      expect(substitute({ config: { [key]: '${env.KEY}' } }).value).toEqual({ config: { [key]: '0123456789' } })
    },
  )

  it('turns an empty secret into null, and other keys into numbers', () => {
    expect(substitute({ api_key: '${env.NONE:=}', max_tokens: '${env.PORT}', api_keys: ['${env.KEY}'] }).value).toEqual(
      {
        api_key: null,
        max_tokens: 8400,
        api_keys: ['0123456789'],
      },
    )
  })

  it.each(['image_name', 'distro_name'])('keeps %s a text, at the root only', (key) => {
    expect(substitute({ [key]: '${env.NAME}', x: { [key]: '${env.NAME}' } }).value).toEqual({
      [key]: '42',
      x: { [key]: 42 },
    })
    expect(substitute({ [key]: 42 }).value).toEqual({ [key]: '42' })
  })

  it('drops a __disabled__ entry without resolving the rest of it', () => {
    const { value, missing, dropped } = substitute({
      providers: {
        inference: [
          { provider_id: '${env.OFF}', config: { url: '${env.NONE}' } },
          { provider_id: '__disabled__', config: { url: '${env.NONE}' } },
          { provider_id: '${env.NONE:=__disabled__}', config: { url: '${env.NONE}' } },
          { provider_id: 'kept' },
        ],
      },
    })
    expect(value).toEqual({ providers: { inference: [{ provider_id: 'kept' }] } })
    expect(missing).toEqual([])
    expect(dropped.map(({ path }) => path.at(-1))).toEqual([0, 1, 2])
  })

  it('keeps an entry whose id resolves to nothing, and resolves the rest of it', () => {
    const { value, missing } = substitute([{ provider_id: '${env.NONE:+x}', url: '${env.NONE}' }])
    expect(value).toEqual([{ provider_id: null, url: '${env.NONE}' }])
    expect(missing).toHaveLength(1)
  })

  it.each(['model_id', 'shield_id', 'vector_store_id'])(
    'drops an entry with an empty %s in the second dialect only',
    (key) => {
      const list = [{ [key]: '${env.EMPTY:=}', other: '${env.NONE}' }, { [key]: 'kept' }]
      const second = substitute(list)
      expect(second.value).toEqual([{ [key]: 'kept' }])
      expect(second.missing).toEqual([])
      const first = substitute(list, false)
      expect(first.value).toHaveLength(2)
      expect(first.missing).toHaveLength(1)
    },
  )

  it('takes an empty type of authentication for none', () => {
    const auth = (type: string): unknown => ({
      server: { auth: { provider_config: { type, audience: '${env.NONE}' } } },
    })
    expect(substitute(auth('${env.EMPTY:+oauth2_token}'))).toMatchObject({
      value: { server: { auth: { provider_config: null } } },
      missing: [],
    })
    expect(substitute(auth('oauth2_token')).missing).toHaveLength(1)
  })

  it('finds every missing variable, each with its place', () => {
    const { missing } = substitute({ a: '${env.ONE}', b: [{ c: 'x${env.TWO}${env.THREE}' }] })
    expect(missing.map(({ path, expression }) => [path.join('.'), expression.variable])).toEqual([
      ['a', 'ONE'],
      ['b.0.c', 'TWO'],
      ['b.0.c', 'THREE'],
    ])
  })

  it('leads from a place in the result to the place in the source', () => {
    const tree = substitute({ list: [{ provider_id: '__disabled__' }, { provider_id: 'a', config: { x: 1 } }] })
    expect(tree.sourcePath(['list', 0, 'config', 'x'])).toEqual(['list', 1, 'config', 'x'])
    expect(tree.sourcePath(['list', 0, 'absent', 'deeper'])).toEqual(['list', 1, 'absent', 'deeper'])
  })
})
