import type { BackfilledSpan, Promised, Upkeep } from './store.ts'

/** The note in which the store keeps it. */
const NAME = 'backfilled'

/** A replica sees so late that another one was asked to fill; until then nothing is filled. */
export const BACKFILL_SEEN_MS = 5_000

/**
 * Reads which times were ever back-filled, at most once in five seconds: where nothing was, that is
 * all it costs. `elapsedMs` is a monotonic clock.
 */
export function createBackfilledReader(
  readNote: Upkeep['readNote'],
  elapsedMs: () => number,
): () => Promise<BackfilledSpan | undefined> {
  let span: BackfilledSpan | undefined
  let nextReadAt = elapsedMs()
  return async () => {
    if (elapsedMs() < nextReadAt) return span
    span = parseSpan((await readNote(NAME))?.body)
    nextReadAt = elapsedMs() + BACKFILL_SEEN_MS
    return span
  }
}

/** Widens what was ever back-filled; answers whether it was wider before. */
export async function widenBackfilled(
  notes: Promised<Pick<Upkeep, 'readNote' | 'writeNote'>>,
  wanted: BackfilledSpan,
): Promise<'known' | 'widened'> {
  for (;;) {
    const note = await notes.readNote(NAME)
    const known = parseSpan(note?.body)
    if (known && known.from <= wanted.from && known.to >= wanted.to) return 'known'
    const from = Math.min(wanted.from, known?.from ?? wanted.from)
    const to = Math.max(wanted.to, known?.to ?? wanted.to)
    const body = JSON.stringify({ from, to })
    if (await notes.writeNote(NAME, { version: note?.version ?? 0, body })) return 'widened'
  }
}

function parseSpan(body: string | undefined): BackfilledSpan | undefined {
  if (body === undefined) return undefined
  const { from, to } = JSON.parse(body) as Partial<BackfilledSpan>
  return typeof from === 'number' && typeof to === 'number' ? { from, to } : undefined
}
