const MAX_CHARACTERS = 1_024

/** What no database column or UTF-8 encoder takes as it is: NUL, and halves of surrogate pairs. */
const UNSTORABLE = /\0|\p{Surrogate}/gu
const PERHAPS_UNSTORABLE = /[\0\ud800-\udfff]/

/**
 * Text of a provider, fit to be stored: at most 1,024 characters, anything unstorable replaced by
 * U+FFFD. Undefined for an empty text and for everything that is no text.
 */
export function cleanText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  const short = value.length > MAX_CHARACTERS ? value.slice(0, MAX_CHARACTERS) : value
  return PERHAPS_UNSTORABLE.test(short) ? short.replace(UNSTORABLE, '\uFFFD') : short
}

/**
 * An id as text; whole numbers are taken too, unless reading them has already changed them. A text
 * over 1,024 characters is no id: cutting it could make two ids equal.
 */
export function readId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  return typeof value === 'string' && value.length <= MAX_CHARACTERS ? cleanText(value) : undefined
}
