import type { BatchReceipt, TypeReceipt } from '../observe/observer.ts'
import { MAILINGAPI_EVENT_NAMES } from '../providers/mailingapi/events.ts'
import { MAILTRAP_AUDIT_PREFIX, MAILTRAP_EVENT_NAMES } from '../providers/mailtrap/events.ts'
import type { UnpackedPage, Verdict } from '../store/store.ts'

export const NO_RECEIPT: BatchReceipt = {
  stored: 0,
  duplicates: 0,
  conflicts: 0,
  stale: 0,
  quarantined: 0,
  types: [],
}

type Fate = Exclude<keyof TypeReceipt, 'type'>

/**
 * What a page adds to the sum of its batch. `drafted`: of its pieces and perhaps of others, all that was
 * read, in the order of their positions as the page's events are.
 */
export function addPage(
  sum: BatchReceipt,
  page: UnpackedPage,
  drafted: readonly { readonly position: number; readonly type: string }[],
): BatchReceipt {
  const types = new Map(sum.types.map((counts) => [counts.type, { ...counts }]))
  const total = { ...sum }
  let next = 0
  for (const { position, type } of drafted) {
    if (position < page.fromPiece || position >= page.toPiece) continue
    const event = page.events[next]
    const isKept = event?.position === position
    if (isKept) next++
    const fate = isKept ? FATES[event.verdict] : 'duplicates'
    const group = groupOf(type)
    const counts = types.get(group) ?? { ...NOTHING, type: group }
    types.set(group, counts)
    for (const sums of [counts, total]) {
      sums[fate]++
      if (isKept && event.verdict === 'stale') sums.stale++
    }
  }
  const quarantined = page.unreadable.reduce((pieces, row) => pieces + row.pieces, 0)
  return { ...total, quarantined: sum.quarantined + quarantined, types: [...types.values()] }
}

/** What counts as stale is stored too. */
const FATES = {
  dispatched: 'stored',
  unhandled: 'stored',
  stale: 'stored',
  conflict: 'conflicts',
} as const satisfies Record<Verdict, Fate>

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
