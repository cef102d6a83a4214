import { describe, expect, it } from 'vitest'
import type { Environment } from './command.ts'
import { createProgress, formatBytes, formatDuration } from './progress.ts'
import { renderTable } from './table.ts'
import { cutToWidth, displayWidth, secretEnding, toTerminal } from './terminal.ts'

function terminalOf(env: Environment, { isTTY = true, columns = 60 as number | undefined } = {}) {
  return toTerminal({ write: () => undefined, isTTY, columns }, env)
}

describe('toTerminal', () => {
  it.each<[name: string, env: Environment, stream: { isTTY: boolean; coloured: boolean }]>([
    ['a terminal', {}, { isTTY: true, coloured: true }],
    ['a pipe', {}, { isTTY: false, coloured: false }],
    ['NO_COLOR', { NO_COLOR: '1' }, { isTTY: true, coloured: false }],
    ['an empty NO_COLOR', { NO_COLOR: '' }, { isTTY: true, coloured: true }],
    ['FORCE_COLOR in a pipe', { FORCE_COLOR: '1' }, { isTTY: false, coloured: true }],
    ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, { isTTY: true, coloured: false }],
    ['NO_COLOR beside FORCE_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, { isTTY: true, coloured: false }],
    ['a dumb terminal', { TERM: 'dumb' }, { isTTY: true, coloured: false }],
  ])('colours on %s', (_name, env, { isTTY, coloured }) => {
    expect(terminalOf(env, { isTTY }).paint('red', 'x')).toBe(coloured ? '\u001b[31mx\u001b[39m' : 'x')
  })

  it('redraws lines for people only', () => {
    expect(terminalOf({}).interactive).toBe(true)
    expect(terminalOf({ CI: 'true' }).interactive).toBe(false)
    expect(terminalOf({ TERM: 'dumb' }).interactive).toBe(false)
    expect(terminalOf({}, { isTTY: false }).interactive).toBe(false)
  })

  it('falls back to ASCII where the locale cannot show more', () => {
    expect(terminalOf({ LANG: 'en_US.UTF-8' }).symbols.tick).toBe('✓')
    expect(terminalOf({ LC_ALL: 'C', LANG: 'en_US.UTF-8' }).symbols.tick).toBe('ok')
    expect(terminalOf({ TERM: 'dumb' }).symbols.tick).toBe('ok')
  })
})

describe('displayWidth and cutToWidth', () => {
  it('counts columns, not code units', () => {
    expect(displayWidth('abc')).toBe(3)
    expect(displayWidth('模型')).toBe(4)
    expect(displayWidth('\u001b[31mred\u001b[39m')).toBe(3)
  })

  it('cuts to the width with an ellipsis', () => {
    expect(cutToWidth('abcdef', 6, '…')).toBe('abcdef')
    expect(cutToWidth('abcdef', 4, '…')).toBe('abc…')
    expect(cutToWidth('模型模型', 5, '…')).toBe('模型…')
  })
})

describe('secretEnding', () => {
  it('shows the last four characters, and nothing of a short secret', () => {
    expect(secretEnding('sk-0123456789abcd', '…')).toBe('…abcd')
    expect(secretEnding('short', '…')).toBe('…****')
  })
})

describe('renderTable', () => {
  const rows = [
    { id: 'ollama/qwen3:8b', type: 'llm', note: 'a description that is rather long' },
    { id: 'm', type: 'embedding', note: '' },
  ]
  const columns = [
    { title: 'ID', value: (row: (typeof rows)[number]) => row.id },
    { title: 'TYPE', value: (row: (typeof rows)[number]) => row.type, dropOrder: 1 },
    { title: 'NOTE', value: (row: (typeof rows)[number]) => row.note, dropOrder: 2 },
  ]

  it('aligns columns', () => {
    expect(renderTable(rows, columns, terminalOf({ NO_COLOR: '1' }, { columns: 80 }))).toBe(
      [
        'ID               TYPE       NOTE',
        'ollama/qwen3:8b  llm        a description that is rather long',
        'm                embedding',
        '',
      ].join('\n'),
    )
  })

  it('drops columns before it cuts, and never wraps', () => {
    for (const width of [60, 40, 26, 20, 12]) {
      const text = renderTable(rows, columns, terminalOf({ NO_COLOR: '1' }, { columns: width }))
      for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(width)
    }
    expect(renderTable(rows, columns, terminalOf({ NO_COLOR: '1' }, { columns: 30 }))).not.toContain('NOTE')
    expect(renderTable(rows, columns, terminalOf({ NO_COLOR: '1' }, { columns: 12 }))).toContain('ollama/qwen…')
  })

  it('is empty without rows', () => {
    expect(renderTable([], columns, terminalOf({}))).toBe('')
  })
})

describe('createProgress', () => {
  const totalBytes = 2_600_000_000

  function write(env: Environment, isTTY: boolean, steps: number): string {
    let written = ''
    let nowMs = 0
    const sink = { write: (text: string) => void (written += text), isTTY, columns: 100 }
    const clock = { now: () => nowMs, monotonic: () => nowMs }
    {
      using progress = createProgress({ label: 'qwen3:4b', totalBytes, sink, terminal: toTerminal(sink, env), clock })
      for (let step = 1; step <= steps; step += 1) {
        nowMs += 1000
        progress.update((totalBytes * step) / steps)
      }
    }
    return written
  }

  it('writes one line per 10 % where nobody watches', () => {
    const lines = write({ CI: '1' }, true, 100).trimEnd().split('\n')
    expect(lines).toHaveLength(10)
    expect(lines[0]).toBe('qwen3:4b  10 %  260 MB / 2.6 GB  26.0 MB/s  1 min 30 s left')
    expect(lines.at(-1)).toBe('qwen3:4b  100 %  2.6 GB / 2.6 GB  26.0 MB/s')
    expect(lines.join('')).not.toContain('\u001b')
  })

  it('redraws one line for people and ends it once', () => {
    const text = write({ NO_COLOR: '1' }, true, 4)
    expect(text.split('\n')).toHaveLength(2)
    expect(text).toContain('████████████░░░░░░░░░░░░  50 %  1.3 GB / 2.6 GB  650 MB/s  2.0 s left')
  })
})

describe('formatBytes and formatDuration', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_600, '1.0 MB'],
    [2_600_000_000, '2.6 GB'],
  ])('writes %d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [620, '0.6 s'],
    [42_000, '42 s'],
    [185_000, '3 min 05 s'],
    [7_800_000, '2 h 10 min'],
  ])('writes %d ms', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text)
  })
})
