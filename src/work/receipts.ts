import type { BatchReceipt, TypeReceipt } from '../observe/observer.ts'
import { MAILINGAPI_EVENT_NAMES } from '../providers/mailingapi/events.ts'
import { MAILTRAP_AUDIT_PREFIX, MAILTRAP_EVENT_NAMES } from '../providers/mailtrap/events.ts'
import type { UnpackedPage } from '../store/store.ts'

export const NO_RECEIPT: BatchReceipt = {
  stored: 0,
  duplicates: 0,
  conflicts: 0,
  stale: 0,
  quarantined: 0,
  types: [],
}

type Fate = Exclude<keyof TypeReceipt, 'type'>

/** What a page adds to the sum of its batch. `drafted` are the types of all that was read for it. */
export function addPage(
  sum: BatchReceipt,
  page: UnpackedPage,
  drafted: readonly { readonly position: number; readonly type: string }[],
): BatchReceipt {
  const types = new Map(sum.types.map((counts) => [counts.type, { ...counts }]))
  const total = { ...sum }
  const count = (type: string, fate: Fate) => {
    const group = groupOf(type)
    const counts = types.get(group) ?? { ...NOTHING, type: group }
    counts[fate]++
    total[fate]++
    types.set(group, counts)
  }
  const verdicts = new Map(page.events.map(({ position, verdict }) => [position, verdict]))
  for (const { position, type } of drafted) {
    const verdict = verdicts.get(position)
    if (verdict === undefined) count(type, 'duplicates')
    else if (verdict === 'conflict') count(type, 'conflicts')
    else count(type, 'stored')
    if (verdict === 'stale') count(type, 'stale')
  }
  const quarantined = page.unreadable.reduce((pieces, row) => pieces + row.pieces, 0)
  return { ...total, quarantined: sum.quarantined + quarantined, types: [...types.values()] }
}

const NOTHING = { stored: 0, duplicates: 0, conflicts: 0, stale: 0 }

const KNOWN_TYPES: ReadonlySet<string> = new Set([
  ...MAILTRAP_EVENT_NAMES,
  ...MAILINGAPI_EVENT_NAMES,
])

/**
 * Types that no provider documents count as one, and so do those of audit events: a sender may
 * invent as many as he likes.
 */
function groupOf(type: string): string {
  if (KNOWN_TYPES.has(type)) return type
  return type.startsWith(MAILTRAP_AUDIT_PREFIX) ? `${MAILTRAP_AUDIT_PREFIX}*` : 'other'
}
