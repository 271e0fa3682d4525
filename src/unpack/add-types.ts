import { MAILINGAPI_EVENT_NAMES } from '../providers/mailingapi/events.ts'
import { MAILTRAP_AUDIT_PREFIX, MAILTRAP_EVENT_NAMES } from '../providers/mailtrap/events.ts'
import type { TypeReceipt } from '../store/store.ts'

const KNOWN_TYPES: ReadonlySet<string> = new Set([
  ...MAILTRAP_EVENT_NAMES,
  ...MAILINGAPI_EVENT_NAMES,
])

/**
 * Adds up what became of the events of each type. Types that no provider documents count as one,
 * and so do those of audit events: a sender may invent as many as he likes.
 */
export function addTypes(
  one: readonly TypeReceipt[],
  other: readonly TypeReceipt[],
): readonly TypeReceipt[] {
  const sums = new Map<string, TypeReceipt>()
  for (const receipt of [...one, ...other]) {
    const type = groupOf(receipt.type)
    const sum = sums.get(type)
    sums.set(type, sum ? addCounts(sum, receipt) : { ...receipt, type })
  }
  return [...sums.values()]
}

function addCounts(one: TypeReceipt, other: TypeReceipt): TypeReceipt {
  return {
    type: one.type,
    stored: one.stored + other.stored,
    duplicates: one.duplicates + other.duplicates,
    conflicts: one.conflicts + other.conflicts,
    stale: one.stale + other.stale,
  }
}

function groupOf(type: string): string {
  if (KNOWN_TYPES.has(type)) return type
  return type.startsWith(MAILTRAP_AUDIT_PREFIX) ? `${MAILTRAP_AUDIT_PREFIX}*` : 'other'
}
