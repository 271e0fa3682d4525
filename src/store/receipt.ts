import type { ChunkReceipt, TypeReceipt } from './store.ts'

/** What became of one event. */
export type Fate = 'dispatched' | 'unhandled' | 'conflict' | 'stale' | 'duplicate'

type Counts = { -readonly [Name in Exclude<keyof TypeReceipt, 'type'>]: number }

const noCounts = (): Counts => ({ stored: 0, duplicates: 0, conflicts: 0, stale: 0 })

/** Counts what became of a chunk's events, altogether and by type in order of appearance. */
export function makeReceipt(
  fates: Iterable<readonly [type: string, fate: Fate]>,
  quarantined: number,
): ChunkReceipt {
  const total = noCounts()
  const types = new Map<string, Counts>()
  for (const [type, fate] of fates) {
    const ofType = types.get(type) ?? noCounts()
    types.set(type, ofType)
    count(total, fate)
    count(ofType, fate)
  }
  return {
    ...total,
    quarantined,
    types: [...types].map(([type, counts]) => ({ type, ...counts })),
  }
}

function count(counts: Counts, fate: Fate): void {
  if (fate === 'duplicate') counts.duplicates++
  else if (fate === 'conflict') counts.conflicts++
  else counts.stored++
  if (fate === 'stale') counts.stale++
}
