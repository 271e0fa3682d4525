import { type Spread, spreadOf } from './spread.ts'

/** Rows below a line of headings; the first column to the left. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(head),
    `|${head.map((_, index) => (index === 0 ? '---|' : '--:|')).join('')}`,
  ].concat(rows.map(line))
}

/** How a figure is written: with so many digits behind the point, and a unit. */
export interface Style {
  readonly digits?: number
  readonly unit?: string
}

/** The median of the rounds, and when they differ the lowest and the highest. */
export function showRounds(values: readonly (number | undefined)[], style: Style = {}): string {
  const known = values.filter((value) => value !== undefined && Number.isFinite(value))
  if (known.length === 0) return '–'
  return showSpread(spreadOf(known as number[]), style)
}

export function showSpread({ median, lowest, highest }: Spread, style: Style = {}): string {
  const { digits = 0, unit = '' } = style
  const show = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const all = [median, lowest, highest].map(show)
  const range = all[1] === all[2] ? '' : ` (${all[1]}–${all[2]})`
  return `${all[0]}${unit}${range}`
}
