/** ISO text of milliseconds since 1970; null when absent or beyond what a date can hold. */
export function isoTime(instant: number | undefined): string | null {
  if (instant === undefined) return null
  const date = new Date(instant)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
