import { PROVIDER_NAMES, SECRET_FORMS } from '../model.ts'
import { readAllowedBlocks } from './addresses.ts'
import { readByteSize, readDuration, readDurations, readWholeNumber } from './quantities.ts'
import type { SecretReference } from './secret-reader.ts'
import { RETRY_LIMITS, TIMEOUT_LIMITS } from './settings-schema.ts'
import { quote, WrongValue } from './wrong-value.ts'

const MEMORY_LIMITS = { min: '32MB', max: '64GB' }

/** A text, number or switch of the file, as the environment would give it; a list with commas. */
export function readFileText(value: unknown): string {
  if (Array.isArray(value)) return value.map(readFileText).join(',')
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return String(value)
  throw new WrongValue(
    value === null || value === undefined ? 'is empty' : 'is neither a text nor a list of texts',
    'Give a value, or remove the line.',
  )
}

/**
 * A text, `{ env: NAME }` or `{ file: PATH }`. A number is refused: YAML has already rounded it,
 * or dropped its leading zeros.
 */
export function readFileSecret(value: unknown): SecretReference {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null) {
    const [[kind, name] = [], ...others] = Object.entries(value)
    if (others.length === 0 && typeof name === 'string') {
      if (kind === 'env') return { env: name }
      if (kind === 'file') return { file: name }
    }
  }
  throw new WrongValue(
    'is no secret',
    'Give { env: NAME }, { file: PATH }, or the text itself in quotes.',
  )
}

/** A secret, or `false` for a source that does without the common one. */
export function readFileSecretOrFalse(value: unknown): SecretReference | false {
  return value === false ? false : readFileSecret(value)
}

export function readFileSecrets(value: unknown): SecretReference[] {
  const list = Array.isArray(value) ? value : [value]
  if (list.length > 0) return list.map(readFileSecret)
  throw new WrongValue('is empty', 'Give at least one secret, newest first.')
}

/** An empty list means: every address. */
export function readFileBlocks(value: unknown): string[] {
  return Array.isArray(value) && value.length === 0 ? [] : readAllowedBlocks(readFileText(value))
}

export function readFileTimeout(value: unknown): number {
  return readDuration(readFileText(value), TIMEOUT_LIMITS)
}

/** An empty list means: no second attempt. */
export function readFileWaits(value: unknown): number[] {
  if (Array.isArray(value) && value.length === 0) return []
  return readDurations(readFileText(value), RETRY_LIMITS)
}

export function readFileMemory(value: unknown): number {
  return readByteSize(readFileText(value), MEMORY_LIMITS)
}

export function readFileNumber(min: number, max: number): (value: unknown) => number {
  return (value) => readWholeNumber(readFileText(value), min, max)
}

export const readFileProvider = readOneOf(PROVIDER_NAMES)
export const readFileSecretForm = readOneOf(SECRET_FORMS)

function readOneOf<Word extends string>(words: readonly Word[]): (value: unknown) => Word {
  return (value) => {
    const word = words.find((known) => known === value)
    if (word) return word
    throw new WrongValue(
      value === undefined ? 'is missing' : `is ${quote(String(value))}, which is not known`,
      `Give one of ${words.join(', ')}.`,
    )
  }
}
