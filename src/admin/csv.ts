/** A program that opens the file would take these for the beginning of a formula. */
const FORMULA = /^[\s]*[=+\-@|%\t\r]/

/** One line of a CSV file (RFC 4180). Texts of strangers never become formulas, or further lines. */
export function csvLine(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const text = FORMULA.test(value) ? `'${value}` : value
  return /["',;\s]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
