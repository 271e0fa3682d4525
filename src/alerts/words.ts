const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
] as const

/** `3 hours`; never less than a minute. Two days and more in days, two hours and more in hours. */
export function span(ms: number): string {
  const [unitMs, unit] = UNITS.find(([length]) => ms >= 2 * length) ?? UNITS[2]
  return count(Math.max(1, Math.round(ms / unitMs)), unit, `${unit}s`)
}

const NUMBER = new Intl.NumberFormat('en-US')

/** `10,041 jobs`. */
export function count(n: number, one: string, many: string): string {
  return `${NUMBER.format(n)} ${n === 1 ? one : many}`
}
