import type { NormalisedName } from '../../model.ts'
import { MAILTRAP_AUDIT_PREFIX, MAILTRAP_EVENT_NAMES, MAILTRAP_INBOUND_NAME } from './events.ts'

/** Spellings of Mailtrap's interfaces, forms and texts, folded, to the one used in payloads. */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...MAILTRAP_EVENT_NAMES.map((name): [string, string] => [fold(name), name]),
  ['hard bounce', 'bounce'],
  ['spam complaint', 'spam'],
  ['spam report', 'spam'],
  ['inbound', MAILTRAP_INBOUND_NAME],
])
const LONGEST_SPELLING = 40

const NORMALISED: ReadonlyMap<string, NormalisedName> = new Map([
  ['delivery', 'email.delivered'],
  ['soft bounce', 'email.deferred'],
  ['bounce', 'email.bounced'],
  ['open', 'email.opened'],
  ['click', 'email.clicked'],
  ['unsubscribe', 'email.unsubscribed'],
  ['spam', 'email.complained'],
  ['reject', 'email.rejected'],
  ['suspension', 'email.suspended'],
])

const EXACT: ReadonlySet<string> = new Set(MAILTRAP_EVENT_NAMES)

/** The payload name for any known spelling of it; an unknown name stays as it is. */
export function unifyName(name: string): string {
  if (EXACT.has(name) || name.startsWith(MAILTRAP_AUDIT_PREFIX)) return name
  const lowerCase = name.toLowerCase()
  if (lowerCase.startsWith(MAILTRAP_AUDIT_PREFIX)) return lowerCase
  return (name.length <= LONGEST_SPELLING ? SPELLINGS.get(fold(name)) : undefined) ?? name
}

/** The name shared by all providers, for a payload name that has one. */
export function findNormalisedName(type: string): NormalisedName | undefined {
  return NORMALISED.get(type)
}

/** `Soft-Bounce`, `soft_bounce` and `soft bounce` become one. */
function fold(name: string): string {
  return name
    .toLowerCase()
    .replace(/[\s._-]+/g, ' ')
    .trim()
}
