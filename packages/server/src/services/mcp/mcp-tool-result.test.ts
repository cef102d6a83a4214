import { expect, test } from 'vitest'
import { toToolOutcome } from './mcp-tool-result.ts'

const textItem = (text: string): object => ({ type: 'text', text })

test('text is cut between characters, across items, and pictures stay', () => {
  const content = [textItem('größe'), { type: 'image', data: 'AA==', mimeType: 'image/png' }, textItem('rest')]
  // The third byte is in the middle of the ö.
  const { parts, text } = toToolOutcome({ content }, 3)
  expect(parts).toEqual([
    { type: 'text', text: 'gr' },
    { type: 'image', dataUrl: 'data:image/png;base64,AA==' },
    { type: 'text', text: '[The result was cut: it has 11 bytes of text, and the first 3 are shown.]' },
  ])
  expect(text.startsWith('gr\n')).toBe(true)
})

test('a result that fits is not touched', () => {
  expect(toToolOutcome({ content: [textItem('größe')] }, 7).text).toBe('größe')
  expect(toToolOutcome({ content: [] }, 7)).toEqual({ parts: [], text: '', isError: false })
})

test('structured content stands for itself where there is no other', () => {
  const outcome = toToolOutcome({ content: [], structuredContent: { sum: 3 } }, 100)
  expect(outcome).toMatchObject({ text: '{"sum":3}', structuredContent: { sum: 3 } })
})

test.each([
  [
    { type: 'audio', data: 'AA==', mimeType: 'audio/wav' },
    '[audio of type audio/wav, which cannot be shown to the model]',
  ],
  [
    { type: 'resource', resource: { uri: 'a://b', blob: 'AA==', mimeType: 'application/zip' } },
    '[resource a://b of type application/zip, which cannot be shown to the model]',
  ],
  [{ type: 'resource_link', uri: 'a://b', name: 'b', title: 'The B' }, 'The B: a://b'],
  [{ type: 'hologram', beam: 1 }, '{"type":"hologram","beam":1}'],
])('%j is told in words', (item, words) => {
  expect(toToolOutcome({ content: [item] }, 1000).text).toBe(words)
})

test('a picture may come as a resource', () => {
  const resource = { uri: 'a://b', blob: 'AA==', mimeType: 'image/gif' }
  const { parts } = toToolOutcome({ content: [{ type: 'resource', resource }] }, 1000)
  expect(parts).toEqual([{ type: 'image', dataUrl: 'data:image/gif;base64,AA==' }])
})
