import { type Colour, type Paint, plain, safeText } from './terminal.ts'

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

interface TableOptions {
  /** Columns of the terminal; undefined, or 0 from one that does not know: nothing is ever cut. */
  readonly width?: number | undefined
  readonly paint?: Paint
}

const GAP = '  '
const MIN_WIDTH = 8

/**
 * Formats rows, chunk by chunk: the first chunk fixes the widths and brings the titles. Texts are
 * made safe for a terminal.
 */
export function createTable<Row>(
  columns: readonly Column<Row>[],
  { width, paint = plain }: TableOptions = {},
): (rows: readonly Row[]) => string {
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
    const titles = isFirst
      ? [
          line(
            columns.map((column) => column.title),
            fixed,
          ),
        ]
      : []
    return [...titles, ...lines].map((text) => `${text}\n`).join('')
  }
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

const COMBINING = /^\p{M}$/u
const WIDE =
  /^[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u{3000}-\u{303f}\u{ff01}-\u{ff60}]$/u

/** How many columns of a terminal a text without control characters takes. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** Cuts to `width` columns; what was cut shows as an ellipsis. */
export function shorten(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let kept = ''
  let room = width - 1
  for (const character of text) {
    room -= characterWidth(character)
    if (room < 0) break
    kept += character
  }
  return `${kept}…`
}

function characterWidth(character: string): number {
  if (character <= '~') return 1
  if (COMBINING.test(character)) return 0
  return WIDE.test(character) ? 2 : 1
}
