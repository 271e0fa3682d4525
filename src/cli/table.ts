import type { CommandContext } from './command.ts'
import {
  type Colour,
  createPaint,
  displayWidth,
  formatCount,
  type Paint,
  plain,
  safeText,
  shorten,
  writeText,
} from './terminal.ts'

export interface Column<Row> {
  readonly title: string
  readonly text: (row: Row) => string
  readonly isFigure?: boolean
  /**
   * May be cut when the terminal is too narrow; the first such column is cut first, and `last`
   * after all others.
   */
  readonly mayShrink?: boolean | 'last'
  readonly colour?: (row: Row) => Colour | undefined
}

export function figureColumn<Row>(title: string, figure: (row: Row) => number): Column<Row> {
  return { title, text: (row) => formatCount(figure(row)), isFigure: true }
}

const GAP = '  '
const MIN_WIDTH = 8

/**
 * Formats rows, chunk by chunk: the first chunk fixes the widths and brings the titles. Texts are
 * made safe for a terminal, and cut to its `width`; undefined, or 0 from one that does not know: not cut.
 */
export function createTable<Row>(
  columns: readonly Column<Row>[],
  { width, paint = plain }: { readonly width?: number | undefined; readonly paint?: Paint } = {},
): (rows: readonly Row[]) => string {
  const titles = columns.map(({ title }) => title)
  let widths: readonly number[] | undefined

  const line = (texts: readonly string[], fixed: readonly number[], row?: Row) =>
    columns
      .map((column, at) => {
        const cell = alignCell(column, texts[at] ?? '', fixed[at] ?? 0, at === columns.length - 1)
        const colour = row === undefined ? 'dim' : column.colour?.(row)
        return colour ? paint(colour, cell) : cell
      })
      .join(GAP)
      .trimEnd()

  return (rows) => {
    const cells = rows.map((row) => columns.map((column) => safeText(column.text(row))))
    const isFirst = widths === undefined
    const fixed = widths ?? fitWidths(columns, cells, width)
    widths = fixed
    const lines = rows.map((row, at) => line(cells[at] ?? [], fixed, row))
    if (isFirst) lines.unshift(line(titles, fixed))
    return lines.map((text) => `${text}\n`).join('')
  }
}

/** A table as wide as the terminal that it is for. */
export function createOwnTable<Row>(
  columns: readonly Column<Row>[],
  { stdout, env }: Pick<CommandContext, 'stdout' | 'env'>,
): (rows: readonly Row[]) => string {
  const width = stdout.isTTY ? stdout.columns : undefined
  return createTable(columns, { width, paint: createPaint(stdout, env) })
}

export interface Rows<Row> {
  readonly columns: readonly Column<Row>[]
  readonly pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>
  /** What to say when there are no rows. */
  readonly whenEmpty: string
}

/** Rows that come in pages: a table for people, a JSON line per row for machines. */
export async function printRows<Row>(
  { columns, pages, whenEmpty }: Rows<Row>,
  context: CommandContext,
): Promise<void> {
  const { stdout, stderr } = context
  const { json = false } = context.options
  const format = json ? jsonLines : createOwnTable(columns, context)
  let count = 0
  for await (const rows of pages) {
    count += rows.length
    if (rows.length > 0) await writeText(stdout, format(rows))
  }
  if (count === 0 && !json) await writeText(stderr, `${whenEmpty}\n`)
}

export function jsonLines(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

function alignCell<Row>(column: Column<Row>, text: string, width: number, isLast: boolean): string {
  const shown = column.mayShrink ? shorten(text, width) : text
  const padding = ' '.repeat(Math.max(0, width - displayWidth(shown)))
  if (column.isFigure) return padding + shown
  return isLast ? shown : shown + padding
}

function fitWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  available: number | undefined,
): number[] {
  const widths = columns.map((column, at) =>
    cells.reduce(
      (widest, row) => Math.max(widest, displayWidth(row[at] ?? '')),
      displayWidth(column.title),
    ),
  )
  if (!available) return widths
  let excess = widths.reduce((sum, one) => sum + one + GAP.length, -GAP.length) - available
  for (const turn of [true, 'last'] as const) {
    for (const [at, wanted] of widths.entries()) {
      if (excess <= 0 || columns[at]?.mayShrink !== turn) continue
      const width = Math.max(Math.min(wanted, MIN_WIDTH), wanted - excess)
      excess -= wanted - width
      widths[at] = width
    }
  }
  return widths
}
