import type { Report, Section } from './bench.ts'

/** The table in Markdown, aligned so that it reads as well in a terminal. */
function toTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [columns, ...rows]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const toLine = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column)).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [toLine(columns), rule, ...rows.map(toLine)].join('\n')
}

function pad(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width)
}

/** The sections of a report, each a heading, its table and its remarks. */
export function toText(report: Report): string {
  return report.sections.map(toSectionText).join('\n\n')
}

function toSectionText(section: Section): string {
  const remarks = section.remarks.map((remark) => `- ${remark}`).join('\n')
  const table = section.rows.length > 0 ? `${toTable(section.columns, section.rows)}\n\n` : ''
  return `### ${section.heading}\n\n${table}${remarks}`.trimEnd()
}
