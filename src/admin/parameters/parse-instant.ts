const ISO_TEXT =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(?<zone>Z|[+\- ]\d{2}:?\d{2})?)?$/i

/** Shorter ones, such as 2026 or 20261121, are dates gone wrong rather than a day in 1970. */
const NUMERIC_TEXT = /^(0|\d{9,15})(\.\d{1,9})?$/

/** Numbers below are seconds (until the year 5138), from here on milliseconds (since 1973). */
const FIRST_MILLISECONDS = 1e11
const LAST_INSTANT = Date.UTC(9999, 11, 31)

/**
 * Reads ISO text, or seconds or milliseconds since 1970, into milliseconds; undefined when it is
 * neither. Without a zone the text is UTC, wherever this machine stands.
 */
export function parseInstant(value: string | number): number | undefined {
  const text = String(value)
  const instant = NUMERIC_TEXT.test(text) ? fromNumber(Number(text)) : fromIsoText(text)
  return instant >= 0 && instant <= LAST_INSTANT ? instant : undefined
}

function fromNumber(value: number): number {
  return Math.round(value < FIRST_MILLISECONDS ? value * 1_000 : value)
}

function fromIsoText(text: string): number {
  const { date, time = '00:00', zone = 'Z' } = ISO_TEXT.exec(text)?.groups ?? {}
  if (date === undefined || !isOnCalendar(date)) return Number.NaN
  // An unescaped plus sign in an address arrives as a space.
  return Date.parse(`${date}T${time}${withColon(zone.replace(' ', '+').toUpperCase())}`)
}

/** `Date.parse` takes the 30th of February for the 1st or 2nd of March. */
function isOnCalendar(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date)
}

function withColon(zone: string): string {
  return zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone
}
