import { quote, WrongValue } from './problems.ts'

interface Limits {
  /** In the notation of the settings: `1m`, `2MB`. */
  readonly min: string
  readonly max: string
}

/** Makes the reader of whole numbers with one unit, of which each is so much. */
function quantity(
  units: Readonly<Record<string, number>>,
  { form, noun, remedy }: { readonly form: RegExp; readonly noun: string; readonly remedy: string },
) {
  return function read(text: string, limits?: Limits): number {
    const [, count, unit = ''] = form.exec(text.trim()) ?? []
    const value = Number(count) * (units[unit.toLowerCase().replace('i', '')] ?? Number.NaN)
    if (Number.isNaN(value)) {
      throw new WrongValue(
        `is ${quote(text)}, which is no ${noun}`,
        `Give a whole number with a unit ${remedy}.`,
      )
    }
    if (limits && value < read(limits.min)) {
      throw new WrongValue(`is ${text.trim()}, too little`, `The least is ${limits.min}.`)
    }
    if (limits && value > read(limits.max)) {
      throw new WrongValue(`is ${text.trim()}, too much`, `The most is ${limits.max}.`)
    }
    return value
  }
}

/** `30s`, `10m`, `400d` → milliseconds. Whole numbers with one unit: ms, s, m, h or d. */
export const readDuration = quantity(
  { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
  {
    form: /^(\d{1,15})\s*(ms|s|m|h|d)$/,
    noun: 'duration',
    remedy: '(ms, s, m, h, d), such as 30s, 10m or 400d',
  },
)

/** `10MB`, `512kb`, `2MiB` → bytes. A kilobyte has 1024 bytes, whichever way it is written. */
export const readByteSize = quantity(
  { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 },
  {
    form: /^(\d{1,12})\s*([kmg]?i?b)$/i,
    noun: 'size',
    remedy: '(KB, MB, GB), such as 10MB',
  },
)

/** `5s,30s,2m` → milliseconds, in this order. `none` means no wait at all. */
export function readDurations(text: string, limits: Limits & { maxCount: number }): number[] {
  if (text.trim() === 'none') return []
  const parts = text.split(',')
  if (parts.some((part) => part.trim() === '')) {
    throw new WrongValue(
      `is ${quote(text)}, where a wait is empty`,
      'Give a duration before and after each comma, such as 5s,30s,2m.',
    )
  }
  const waits = parts.map((wait) => readDuration(wait, limits))
  if (waits.length <= limits.maxCount) return waits
  throw new WrongValue(
    `has ${waits.length} waits`,
    `Give at most ${limits.maxCount}, separated by commas; none for no second attempt.`,
  )
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
