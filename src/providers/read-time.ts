/** From here on a number counts milliseconds; below it, seconds. */
const FIRST_MILLISECONDS = 1e11
const END_OF_YEAR_9999 = 253_402_300_799_999

const NUMERIC = /^\d{1,15}(\.\d{1,9})?$/
const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:Z|([+-]\d\d):?(\d\d))?$/i

/**
 * A provider's time as milliseconds since 1970. Takes seconds, milliseconds, either as text, and
 * ISO 8601 (UTC where it names no offset). Undefined for anything else, for times up to 1970, which
 * only a mistake yields, and for times after the year 9999.
 */
export function readTime(value: unknown): number | undefined {
  if (typeof value === 'number') return readNumber(value)
  if (typeof value !== 'string' || value.length > 40) return undefined
  return NUMERIC.test(value) ? readNumber(Number(value)) : readIsoText(value)
}

function readNumber(value: number): number | undefined {
  return withinRange(Math.round(value < FIRST_MILLISECONDS ? value * 1_000 : value))
}

function readIsoText(value: string): number | undefined {
  const parts = ISO.exec(value)
  if (parts === null) return undefined
  const [, day, time, hours, minutes] = parts
  return withinRange(Date.parse(`${day}T${time}${hours ? `${hours}:${minutes}` : 'Z'}`))
}

function withinRange(timeMs: number): number | undefined {
  return timeMs > 0 && timeMs <= END_OF_YEAR_9999 ? timeMs : undefined
}
