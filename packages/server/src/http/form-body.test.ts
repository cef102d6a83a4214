import { connect } from 'node:net'
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { parseForm } from './form-body.ts'
import { createSampleApp } from './sample-app.ts'
import type { SampleOptions } from './sample-app.ts'

const Request = z.looseObject({
  input: z.union([z.string(), z.array(z.looseObject({}))]),
  stream: z.boolean().nullish(),
  temperature: z.number().nullish(),
  include: z.array(z.string()).nullish(),
  sizes: z.array(z.number()).optional(),
})

const read = (form: string): unknown => parseForm(Buffer.from(form), Request)

describe('a form', () => {
  it.each([
    ['input=hi+there&stream=true&temperature=0.5', { input: 'hi there', stream: true, temperature: 0.5 }],
    ['input=42', { input: '42' }],
    ['input=null&stream=null', { input: 'null', stream: null }],
    ['input=%22quoted%22', { input: 'quoted' }],
    ['input=%5B%7B%22role%22%3A%22user%22%7D%5D', { input: [{ role: 'user' }] }],
    ['input=%C3%A4%26%3D', { input: 'ä&=' }],
    ['include=a&include=1', { include: ['a', '1'] }],
    ['include[]=a', { include: ['a'] }],
    ['include=%5B%22a%22%5D', { include: ['a'] }],
    ['sizes[]=1&sizes[]=2', { sizes: [1, 2] }],
    ['metadata=%7B%22a%22%3A1%7D&seed=7&tag=x', { metadata: { a: 1 }, seed: 7, tag: 'x' }],
    ['tools[]=%7B%22type%22%3A%22mcp%22%7D', { tools: [{ type: 'mcp' }] }],
    ['', {}],
  ])('reads %s by the schema', (form, fields) => {
    expect(read(form)).toEqual(fields)
  })

  it('leaves what the schema takes in neither way for the parser to refuse', () => {
    expect(read('input=%5B1%5D&stream=maybe')).toEqual({ input: [1], stream: 'maybe' })
  })

  it('cannot reach the prototype', () => {
    const fields = parseForm(Buffer.from('__proto__=%7B%22polluted%22%3A1%7D'), Request)
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype)
    expect('polluted' in fields).toBe(false)
  })
})

const doors = ['socket', 'stack.fetch'] as const
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function openDoor(door: (typeof doors)[number], options: SampleOptions = {}) {
  const sample = createSampleApp(options)
  const base = door === 'socket' ? await sample.listen() : 'http://127.0.0.1'
  const fetchDoor: (url: string, init: object) => Promise<Response> = door === 'socket' ? fetch : sample.app.fetch
  const post = (path: string, body: unknown, headers?: object): Promise<Response> =>
    fetchDoor(base + path, { method: 'POST', body, ...(headers !== undefined && { headers }) })
  return { post, [Symbol.asyncDispose]: () => sample[Symbol.asyncDispose]() }
}

describe.each(doors)('a route that takes forms, through %s', (door) => {
  it('reads a form, which leaves no raw body', async () => {
    await using at = await openDoor(door)
    for (const path of ['/v1/responses', '/v1/openai/v1/responses']) {
      const response = await at.post(path, new URLSearchParams({ model: 'm', input: '42', stream: 'false' }))
      expect(await response.json()).toMatchObject({
        request: { model: 'm', input: '42', stream: false },
        rawLength: 0,
      })
    }
    const refused = await at.post('/v1/responses', 'model=m&input=[1]', FORM)
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: 'input[0]' } }])
  })

  it('still reads JSON, and refuses other types by naming both', async () => {
    await using at = await openDoor(door)
    const json = JSON.stringify({ model: 'm', input: 'hi' })
    const response = await at.post('/v1/responses', json, { 'content-type': 'application/json' })
    expect(await response.json()).toMatchObject({ rawLength: json.length })
    const refused = await at.post('/v1/responses', json, { 'content-type': 'text/plain' })
    expect(refused.status).toBe(415)
    expect(await refused.text()).toContain('Send application/json or application/x-www-form-urlencoded.')
    const chat = await at.post('/v1/chat/completions', 'model=m', FORM)
    expect(chat.status).toBe(415)
  })

  it('inflates zstd of both kinds, within the limit', async () => {
    await using at = await openDoor(door, { server: { maxBodyBytes: 100_000 } })
    const zstd = { 'content-encoding': 'zstd' }
    const json = zstdCompressSync(JSON.stringify({ model: 'm', input: 'hi' }))
    const ofJson = await at.post('/v1/responses', json, { ...zstd, 'content-type': 'application/json' })
    expect(await ofJson.json()).toMatchObject({ request: { input: 'hi' } })
    const ofForm = await at.post('/v1/responses', zstdCompressSync('model=m&input=hi'), { ...zstd, ...FORM })
    expect(await ofForm.json()).toMatchObject({ request: { input: 'hi' } })
    const bomb = zstdCompressSync(JSON.stringify({ model: 'm', input: 'x'.repeat(100_000) }))
    expect(bomb.byteLength).toBeLessThan(1000)
    const refused = await at.post('/v1/responses', bomb, { ...zstd, 'content-type': 'application/json' })
    expect([refused.status, await refused.json()]).toMatchObject([413, { error: { code: 'body_too_large' } }])
  })

  it('takes the header that asks for strictness, and nothing but true and false', async () => {
    await using at = await openDoor(door)
    const ask = async (headers: object): Promise<unknown> =>
      (await at.post('/v1/responses', 'model=m&input=hi', { ...FORM, ...headers })).json()
    expect(await ask({})).toMatchObject({ strict: null })
    expect(await ask({ 'x-llama-stack-strict': 'true' })).toMatchObject({ strict: true })
    expect(await ask({ 'x-llama-stack-strict': 'false' })).toMatchObject({ strict: false })
    expect(await ask({ 'x-llama-stack-strict': 'yes' })).toMatchObject({
      error: { code: 'invalid_value', param: 'x-llama-stack-strict' },
    })
  })
})

it('reads zstd from the fast lane, as any body', async () => {
  await using sample = createSampleApp()
  const { port } = new URL(await sample.listen())
  const body = zstdCompressSync('model=m&input=hi')
  const socket = connect(Number(port), '127.0.0.1')
  const head = `POST /v1/responses HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${FORM['content-type']}\r\n`
  socket.write(`${head}content-encoding: zstd\r\ncontent-length: ${body.byteLength}\r\n\r\n`)
  socket.write(body)
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString()))
  await expect.poll(() => received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*"input":"hi"/)
  socket.destroy()
})
