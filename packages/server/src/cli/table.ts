/** Tables for people: aligned, as wide as the terminal, dropping columns instead of wrapping lines. */
import { cutToWidth, displayWidth } from './terminal.ts'
import type { Terminal } from './terminal.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
  /** Columns with the highest number are dropped first; those without one stay and are cut instead. */
  readonly dropOrder?: number
  readonly align?: 'left' | 'right'
}

const GAP = '  '

/** Renders the rows with a heading, one line each. Returns '' for no rows. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], terminal: Terminal): string {
  if (rows.length === 0) return ''
  let shown = columns.map((column) => measure(column, rows))
  while (totalWidth(shown) > terminal.columns) {
    const dropped = shown.filter(isDroppable).toSorted((a, b) => b.column.dropOrder - a.column.dropOrder)[0]
    if (dropped === undefined) break
    shown = shown.filter((candidate) => candidate !== dropped)
  }
  const fitted = shrinkWidest(shown, terminal.columns)
  const heading = toLine(fitted, (cell) => cell.column.title, terminal)
  const lines = rows.map((_, index) => toLine(fitted, (cell) => cell.cells[index] ?? '', terminal))
  return `${[terminal.paint('dim', heading), ...lines].join('\n')}\n`
}

interface MeasuredColumn<Row> {
  readonly column: Column<Row>
  readonly cells: readonly string[]
  readonly width: number
}

function measure<Row>(column: Column<Row>, rows: readonly Row[]): MeasuredColumn<Row> {
  const cells = rows.map((row) => column.value(row))
  return { column, cells, width: Math.max(displayWidth(column.title), ...cells.map(displayWidth)) }
}

function isDroppable<Row>(cell: MeasuredColumn<Row>): cell is MeasuredColumn<Row> & { column: { dropOrder: number } } {
  return cell.column.dropOrder !== undefined
}

function totalWidth(columns: readonly { width: number }[]): number {
  return columns.reduce((sum, column) => sum + column.width, 0) + GAP.length * (columns.length - 1)
}

/** Takes what is too much from the widest column: the others are usually short words that must stay whole. */
function shrinkWidest<Row>(columns: readonly MeasuredColumn<Row>[], limit: number): readonly MeasuredColumn<Row>[] {
  const excess = totalWidth(columns) - limit
  if (excess <= 0) return columns
  const widest = columns.reduce((best, column) => (column.width > best.width ? column : best))
  return columns.map((column) =>
    column === widest ? { ...column, width: Math.max(8, column.width - excess) } : column,
  )
}

function toLine<Row>(
  columns: readonly MeasuredColumn<Row>[],
  text: (cell: MeasuredColumn<Row>) => string,
  terminal: Terminal,
): string {
  return columns
    .map((cell) => {
      const content = cutToWidth(text(cell), cell.width, terminal.symbols.ellipsis)
      const padding = ' '.repeat(Math.max(0, cell.width - displayWidth(content)))
      return cell.column.align === 'right' ? padding + content : content + padding
    })
    .join(GAP)
    .trimEnd()
}
