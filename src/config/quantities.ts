import { quote, WrongValue } from './wrong-value.ts'

const MS_OF_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES_OF_UNIT = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const

interface Limits {
  /** In the notation of the settings: `1m`, `2MB`. */
  readonly min: string
  readonly max: string
}

/** `30s`, `10m`, `400d` → milliseconds. Whole numbers with one unit: ms, s, m, h or d. */
export function readDuration(text: string, limits?: Limits): number {
  const [, count, unit] = /^(\d{1,15})\s*(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  if (count === undefined || unit === undefined) {
    throw new WrongValue(
      `is ${quote(text)}, which is no duration`,
      'Give a whole number with a unit (ms, s, m, h, d), such as 30s, 10m or 400d.',
    )
  }
  const ms = Number(count) * MS_OF_UNIT[unit as keyof typeof MS_OF_UNIT]
  return withinLimits(text, ms, limits, readDuration)
}

/** `5s,30s,2m` → milliseconds, in this order. `none` means no wait at all. */
export function readDurations(text: string, limits: Limits & { maxCount: number }): number[] {
  if (text.trim() === 'none') return []
  const waits = text.split(',').map((wait) => readDuration(wait, limits))
  if (waits.length <= limits.maxCount) return waits
  throw new WrongValue(
    `has ${waits.length} waits`,
    `Give at most ${limits.maxCount}, separated by commas; none for no second attempt.`,
  )
}

/** `10MB`, `512kb`, `2MiB` → bytes. A kilobyte has 1024 bytes, whichever way it is written. */
export function readByteSize(text: string, limits?: Limits): number {
  const [, count, unit] = /^(\d{1,12})\s*([kmg]?i?b)$/i.exec(text.trim()) ?? []
  if (count === undefined || unit === undefined) {
    throw new WrongValue(
      `is ${quote(text)}, which is no size`,
      'Give a whole number with a unit (KB, MB, GB), such as 10MB.',
    )
  }
  const key = unit.toLowerCase().replace('i', '') as keyof typeof BYTES_OF_UNIT
  return withinLimits(text, Number(count) * BYTES_OF_UNIT[key], limits, readByteSize)
}

/** A duration, or a size, within these limits. */
export const timeWithin = (min: string, max: string) => (text: string) =>
  readDuration(text, { min, max })
export const sizeWithin = (min: string, max: string) => (text: string) =>
  readByteSize(text, { min, max })

/** Digits only → a whole number within the limits, both included. */
export function readWholeNumber(text: string, min: number, max: number): number {
  const number = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (number >= min && number <= max) return number
  throw new WrongValue(
    `is ${quote(text)}, which is no whole number from ${min} to ${max}`,
    `Give a whole number from ${min} to ${max}.`,
  )
}

function withinLimits(
  text: string,
  value: number,
  limits: Limits | undefined,
  read: (text: string) => number,
): number {
  if (!limits) return value
  const { min, max } = limits
  if (value < read(min))
    throw new WrongValue(`is ${text.trim()}, too little`, `The least is ${min}.`)
  if (value > read(max)) throw new WrongValue(`is ${text.trim()}, too much`, `The most is ${max}.`)
  return value
}
