import type { UnpackedEvent } from '../../model.ts'
import type { Fate } from '../receipt.ts'
import { readPrunedThrough } from './counters.ts'
import type { Query } from './transactions.ts'

export type Verdict = Exclude<Fate, 'duplicate'>

/** An event that is to be stored, and as what. */
export interface JudgedEvent {
  readonly event: UnpackedEvent
  readonly id: number
  /** Under which it is stored: that of a conflict holds its content as well. */
  readonly key: string
  readonly verdict: Verdict
}

interface Candidate {
  readonly event: UnpackedEvent
  readonly id: number
  readonly key: string
}

/**
 * Inserts the keys of a chunk and answers what is new; everything else is a duplicate. Whoever
 * inserts a key first has the event; others wait for his commit and then find it.
 */
export async function judgeEvents(
  query: Query,
  events: readonly UnpackedEvent[],
  receivedAt: number,
): Promise<readonly JudgedEvent[]> {
  if (events.length === 0) return []
  const ids = await reserveIds(query, events.length)
  const candidates = events.map((event, index) => ({ event, id: ids[index] ?? 0, key: event.key }))
  const firsts = firstOfEachKey(candidates)
  const fresh = await insertKeys(query, firsts, receivedAt)
  const conflicts = await findConflicts(query, candidates, firsts, fresh)
  const freshConflicts = await insertKeys(query, conflicts, receivedAt)
  // After the keys: one that was inserted because its forerunner was pruned sees that mark.
  const prunedThrough = await readPrunedThrough(query)

  const judged = [
    ...firsts
      .filter(({ key }) => fresh.has(key))
      .map((one) => ({ ...one, verdict: judgeFresh(one.event, prunedThrough) })),
    ...conflicts
      .filter(({ key }) => freshConflicts.has(key))
      .map((one) => ({ ...one, verdict: 'conflict' as const })),
  ]
  return judged.sort((one, other) => one.id - other.id)
}

function judgeFresh(event: UnpackedEvent, prunedThrough: number): Verdict {
  if (event.occurredAt !== undefined && event.occurredAt < prunedThrough) return 'stale'
  return event.handlers.length > 0 ? 'dispatched' : 'unhandled'
}

/** Duplicates leave gaps between ids. */
async function reserveIds(query: Query, count: number): Promise<number[]> {
  const rows = await query<{ id: number }>(
    `SELECT nextval('events_id_seq') AS id FROM generate_series(1, $1)`,
    [count],
  )
  return rows.map(({ id }) => id)
}

function firstOfEachKey(candidates: readonly Candidate[]): Candidate[] {
  const firsts = new Map<string, Candidate>()
  for (const one of candidates) if (!firsts.has(one.key)) firsts.set(one.key, one)
  return [...firsts.values()]
}

/**
 * Answers which were new. Sorted: two replicas with the same events in different order must not
 * wait for each other. Keys of conflicts come second everywhere, and are no keys of events.
 */
async function insertKeys(
  query: Query,
  candidates: readonly Candidate[],
  receivedAt: number,
): Promise<ReadonlySet<string>> {
  if (candidates.length === 0) return new Set()
  const sorted = [...candidates].sort((one, other) => (one.key < other.key ? -1 : 1))
  const rows = await query<{ key: string }>(
    `INSERT INTO keys
     SELECT key, digest, event_id, $4 FROM unnest($1::text[], $2::text[], $3::bigint[])
       WITH ORDINALITY AS k (key, digest, event_id, place) ORDER BY place
     ON CONFLICT (key) DO NOTHING RETURNING key`,
    [
      sorted.map(({ key }) => key),
      sorted.map(({ event }) => event.digest),
      sorted.map(({ id }) => id),
      receivedAt,
    ],
  )
  return new Set(rows.map(({ key }) => key))
}

/** Events whose key is taken by other content: theirs is made longer by the content's hash. */
async function findConflicts(
  query: Query,
  candidates: readonly Candidate[],
  firsts: readonly Candidate[],
  fresh: ReadonlySet<string>,
): Promise<Candidate[]> {
  const digests = new Map(firsts.map(({ key, event }) => [key, event.digest]))
  const taken = firsts.map(({ key }) => key).filter((key) => !fresh.has(key))
  for (const { key, digest } of await selectDigests(query, taken)) digests.set(key, digest)
  const others = candidates.filter(({ key, event }) => digests.get(key) !== event.digest)
  return firstOfEachKey(others.map((one) => ({ ...one, key: `${one.key}~${one.event.digest}` })))
}

/** A key that is pruned between the two statements counts as one with this content. */
async function selectDigests(
  query: Query,
  keys: readonly string[],
): Promise<{ key: string; digest: string }[]> {
  if (keys.length === 0) return []
  return await query('SELECT key, digest FROM keys WHERE key = ANY($1::text[])', [keys])
}
