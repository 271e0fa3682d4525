/** A search that takes longer says how far it came; its cursor asks for the rest. */
const BUDGET_MS = 150

const FIRST_IDS = 4_096
const FEWEST_IDS = 512
/** One look may take so long; the next is made smaller or larger accordingly. */
const STEP_MS = 20
const FASTEST_GROWTH = 8

/** Rows with these numbers are looked at together: from here on, up to before there. */
export interface SearchWindow {
  readonly from: number
  readonly before: number
}

/**
 * Cuts what is to be searched into windows, the newest first, and ends early when time is up. How
 * long a look took is the time until the next window is asked for, which tells how large it may be:
 * where an index leads, a few windows hold everything. Who did not look at a whole window says with
 * `next` from where on he did.
 */
export function* cutWindows(
  { from: oldest, before }: SearchWindow,
  now: () => number,
): Generator<SearchWindow, void, number | undefined> {
  const endsAt = now() + BUDGET_MS
  let ids = FIRST_IDS
  let end = before
  while (end > oldest) {
    const from = Math.max(oldest, end - ids)
    const begunAt = now()
    const reached = yield { from, before: end }
    if (now() >= endsAt) return
    const growth = Math.min(STEP_MS / Math.max(1, now() - begunAt), FASTEST_GROWTH)
    ids = Math.max(FEWEST_IDS, Math.floor(ids * growth))
    end = reached ?? from
  }
}

/** What is there to be searched; an empty table has no numbers. */
export function boundSearch(
  ids: { readonly first: number | null; readonly last: number | null } | undefined,
  before: number,
): SearchWindow {
  return { from: ids?.first ?? 0, before: Math.min(before, (ids?.last ?? -1) + 1) }
}
