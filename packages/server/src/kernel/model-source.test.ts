import { describe, expect, test } from 'vitest'
import { isModelSource, parseModelSource } from './model-source.ts'

describe('the source of a model', () => {
  test('on Hugging Face is a repository, a revision and a file', () => {
    expect(parseModelSource('hf:acme/tiny-GGUF/tiny.Q4_0.gguf', {})).toEqual({
      url: 'https://huggingface.co/acme/tiny-GGUF/resolve/main/tiny.Q4_0.gguf',
      fileName: 'tiny.Q4_0.gguf',
      headers: {},
      checksumHeader: 'x-linked-etag',
    })
    expect(parseModelSource('hf:acme/tiny@v2/q4/tiny.gguf', {})).toMatchObject({
      url: 'https://huggingface.co/acme/tiny/resolve/v2/q4/tiny.gguf',
      fileName: 'tiny.gguf',
    })
  })

  test('follows the variables of Hugging Face’s own tools', () => {
    const env = { HF_ENDPOINT: 'http://mirror.example/hub/', HF_TOKEN: 'hf_secret' }
    expect(parseModelSource('hf:acme/tiny/t.gguf', env)).toMatchObject({
      url: 'http://mirror.example/hub/acme/tiny/resolve/main/t.gguf',
      headers: { authorization: 'Bearer hf_secret' },
    })
  })

  test('elsewhere gets no token of Hugging Face and has no checksum of its own', () => {
    expect(parseModelSource('https://files.example/a%20b.gguf?signature=1', { HF_TOKEN: 'hf_secret' })).toEqual({
      url: 'https://files.example/a%20b.gguf?signature=1',
      fileName: 'a b.gguf',
      headers: {},
    })
  })

  test('has a file name that leads nowhere', () => {
    const nameOf = (path: string) => parseModelSource(`https://files.example/${path}`, {}).fileName
    expect(nameOf('..%2F..%2Fetc%2Fpasswd')).toBe('.._.._etc_passwd')
    expect(nameOf('a/C%3A%5Cb.gguf')).toBe('C__b.gguf')
    expect(nameOf('100%.gguf')).toBe('100%.gguf')
  })

  test('is told apart from the name of a model', () => {
    expect(['hf:a/b/c.gguf', 'https://a.example/b.gguf'].map(isModelSource)).toEqual([true, true])
    expect(['qwen3:4b', 'hf.co/acme/tiny', 'httpd'].map(isModelSource)).toEqual([false, false, false])
    expect(() => parseModelSource('hf:acme', {})).toThrow(expect.objectContaining({ code: 'invalid_value' }) as Error)
    expect(() => parseModelSource('file:///etc/passwd', {})).toThrow('names no file')
  })
})
