/** Amounts as people read them, in commands, alerts and on the page. */

const NUMBER = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 12345.6 → `12,346` */
export const formatCount = (count: number): string => NUMBER.format(count)

/** `1 event`, `1,200 events` */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const

/** `3 hours`; never less than a minute. Two days and more in days, two hours and more in hours. */
export function formatSpan(ms: number): string {
  const [unitMs, unit] = UNITS.find(([length]) => ms >= 2 * length) ?? UNITS[2]
  return formatCounted(Math.max(1, Math.round(ms / unitMs)), unit)
}
