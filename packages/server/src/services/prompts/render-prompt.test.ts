import { describe, expect, test } from 'vitest'
import type { PromptRow } from '../../storage/agent-state.ts'
import { renderPrompt } from './render-prompt.ts'

function row(prompt: string, variables: string[] = []): PromptRow {
  return { id: 'pmpt_1', version: 3, prompt, variables, isDefault: true, createdAtMs: 0 }
}

const image = { type: 'input_image' as const, image_url: 'data:image/png;base64,AA==' }
const file = { type: 'input_file' as const, file_id: 'file-1' }

describe('a prompt', () => {
  test('has its values in it, however the braces are spaced', () => {
    const values = { name: 'Anna', place: { type: 'input_text' as const, text: 'Bonn' } }
    const { instructions, parts } = renderPrompt(
      row('{{name}} and {{ name }} of {{  place\n}}, {name}', ['name', 'place']),
      values,
    )
    expect(instructions).toBe('Anna and Anna of Bonn, {name}')
    expect(parts).toEqual([])
  })

  test('takes values as they are', () => {
    const values = { a: '{{ b }} $& $1', b: 'B' }
    expect(renderPrompt(row('{{a}}|{{b}}', ['a', 'b']), values).instructions).toBe('{{ b }} $& $1|B')
    expect(renderPrompt(row('{{a}}', ['a']), { a: '' }).instructions).toBe('')
  })

  test('names images and files where they stand, and gives them along', () => {
    const { instructions, parts } = renderPrompt(
      row('Look at {{ photo }} and {{ paper }}.', ['paper', 'photo', 'unseen']),
      { unseen: { ...image, detail: 'low' }, photo: image, paper: file },
    )
    expect(instructions).toBe('Look at [Image: photo] and [File: paper].')
    expect(parts).toEqual([file, image, { ...image, detail: 'low' }])
  })

  test('without variables is its text', () => {
    expect(renderPrompt(row('Be brief.'), {})).toEqual({ instructions: 'Be brief.', parts: [] })
    expect(renderPrompt(row('Be brief.', ['unused']), {}).instructions).toBe('Be brief.')
  })

  test('asks for what is missing by name', () => {
    expect(() => renderPrompt(row('{{a}} {{b}} {{c}}', ['a', 'b', 'c']), { b: '1' })).toThrow(
      expect.objectContaining({
        code: 'missing_field',
        status: 400,
        param: 'prompt.variables.a',
        message: expect.stringContaining("'a', 'c'"),
      }),
    )
  })

  test('refuses what it does not know by name', () => {
    const unknown = (known: string[]) => () => renderPrompt(row('Hi', known), { odd: '1', other: '2' })
    const error = { code: 'invalid_value', status: 400, param: 'prompt.variables.odd' }
    expect(unknown(['a', 'b'])).toThrow(
      expect.objectContaining({
        ...error,
        message: expect.stringMatching(/'odd', 'other'.*Its variables are 'a', 'b'/),
      }),
    )
    expect(unknown([])).toThrow(expect.objectContaining(error))
    // What every object has is no variable.
    expect(() => renderPrompt(row('{{toString}}', ['toString']), {})).toThrow(/'toString'/)
  })
})
