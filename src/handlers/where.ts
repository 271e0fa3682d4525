import type { Where } from '../model.ts'

type Fields = Readonly<Record<string, unknown>>

/** Whether an event, as received, is one that such a handler wants. */
export type WhereCheck = (event: Fields) => boolean

/**
 * Prepares a check of all fields. Values are compared as text, so that 550 is "550"; where an event has
 * a list, one of its values suffices. What is no text, number or switch equals nothing.
 */
export function createWhereCheck(where: Where): WhereCheck {
  const conditions = Object.entries(where).map(([field, values]) => ({
    path: field.split('.'),
    values: new Set(values),
  }))
  return (event) => conditions.every(({ path, values }) => isOneOf(valueAt(event, path), values))
}

function valueAt(event: Fields, path: readonly string[]): unknown {
  let value: unknown = event
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Fields)[key]
  }
  return value
}

function isOneOf(value: unknown, values: ReadonlySet<string>): boolean {
  if (Array.isArray(value)) return value.some((one) => !Array.isArray(one) && isOneOf(one, values))
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value)
  return isPlain && values.has(String(value))
}
