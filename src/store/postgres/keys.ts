import { findKeyFloor, HOUR_MS, type KeyMark } from '../believed-time.ts'
import { batchOf, eventIdOf } from '../event-id.ts'
import { query, sql } from '../steps.ts'
import type { KnownEvent, KnownKeys, UnpackedPage } from '../store.ts'
import type { UpkeepPort } from '../upkeep/port.ts'
import { listOf, sendingRows, splitKeys } from './arrays.ts'
import { readPrunedThrough } from './counters.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 20_000 }
const MARK_PLAN: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

/** The content of those that are known, of which there are few: from the body, or from a job. */
const FIND_KNOWN = `
  SELECT g.place - 1 AS index, k.event, encode(coalesce(
    (SELECT substring(b.body FROM e.start + 1 FOR e.bytes) FROM events e
       JOIN bodies b ON b.batch = e.id / 1048576 WHERE e.id = k.event),
    (SELECT payload FROM jobs j WHERE j.event = k.event AND length(payload) > 0 LIMIT 1)), 'base64') AS payload
  FROM unnest($1::uuid[]) WITH ORDINALITY AS g (key, place) JOIN keys k ON k.key = g.key`

/**
 * Which keys are known. The mark comes after them: whoever pruned a key before we looked has left his
 * mark by then.
 */
export async function findKnown(transactions: Transactions, keys: Uint8Array): Promise<KnownKeys> {
  return await transactions.run(PLAN, async (query) => {
    const looked =
      keys.byteLength === 0
        ? Promise.resolve([])
        : query<{ index: number; event: number; payload: string | null }>(FIND_KNOWN, [
            listOf('uuid', splitKeys(keys)),
          ])
    const [rows, prunedThrough] = await Promise.all([looked, readPrunedThrough(query)])
    const known = rows.map(({ index, event, payload }): [number, KnownEvent] => [
      index,
      { event, payload: payload === null ? undefined : Buffer.from(payload, 'base64') },
    ])
    return { known: new Map(known), prunedThrough }
  })
}

interface Span {
  first: number
  last: number
}

/**
 * The first and the last event of each hour, gathered here and written now and then: replicas that
 * changed the row of an hour with every page would wait for one another, and a transaction of
 * somebody else that stays open would make that row slower with every page.
 */
export function createKeyMarks(transactions: Pick<Transactions, 'run'>) {
  let spans = new Map<number, Span>()

  function extend(hour: number, { first, last }: Span): void {
    const known = spans.get(hour)
    spans.set(hour, {
      first: Math.min(first, known?.first ?? first),
      last: Math.max(last, known?.last ?? last),
    })
  }

  return {
    /** Remembers that there may be keys of these pages. */
    add(pages: readonly UnpackedPage[]): void {
      for (const { batch, events } of pages) {
        if (events.length === 0) continue
        const positions = events.map(({ position }) => position)
        extend(Math.floor(batch.receivedAt / HOUR_MS), {
          first: eventIdOf(batch.seq, positions.at(0) ?? 0),
          last: eventIdOf(batch.seq, positions.at(-1) ?? 0),
        })
      }
    },
    /** Writes down what was added. What fails is kept for the next time. */
    async flush(): Promise<void> {
      if (spans.size === 0) return
      const taken = spans
      spans = new Map()
      try {
        await transactions.run(MARK_PLAN, (query) => query(WRITE_MARKS, MARKS.lists([...taken])))
      } catch (error) {
        for (const [hour, span] of taken) extend(hour, span)
        throw error
      }
    },
  }
}

export type KeyMarks = ReturnType<typeof createKeyMarks>

const MARKS = sendingRows<readonly [number, Span]>({
  hour: ['bigint', ([hour]) => hour],
  first_event: ['bigint', ([, { first }]) => first],
  last_event: ['bigint', ([, { last }]) => last],
})
/** Sorted: replicas that write at once must not deadlock. */
const WRITE_MARKS = `
  INSERT INTO key_marks AS m ${MARKS.select} ORDER BY hour
  ON CONFLICT (hour) DO UPDATE SET first_event = least(m.first_event, excluded.first_event),
    last_event = greatest(m.last_event, excluded.last_event)
  WHERE m.first_event > excluded.first_event OR m.last_event < excluded.last_event`

/** One step takes about so many away: a long transaction would keep vacuum from its work. */
const KEYS_PER_STEP = 5_000

/** Batches' keys go together; about so many batches hold as many keys as go in one step. */
const FIRST_SPAN = 10

/** Keys by number of event, which is the order in which they lie. */
export function createKeyPruning(
  { read, set }: Pick<UpkeepPort['totals'], 'read' | 'set'>,
  now: () => number,
): UpkeepPort['pruneKeys'] {
  let span = FIRST_SPAN

  return function* pruneKeys({ keysBefore }) {
    const marks = yield* query<KeyMark>(
      `SELECT hour, first_event AS first, last_event AS last FROM key_marks ORDER BY first_event, hour`,
    )
    const [open] = yield* query<{ seq: number | null }>(
      'SELECT min(seq) AS seq FROM batches WHERE is_open = 1',
    )
    const openFrom = typeof open?.seq !== 'number' ? undefined : eventIdOf(open.seq, 0)
    const limits = { receivedBefore: keysBefore, now: now(), openFrom }
    const { before, prunedThrough } = findKeyFloor(marks, limits)
    const from = marks[0]?.first ?? before
    if (from >= before) return { removed: 0, after: undefined }
    const until = Math.min(before, eventIdOf(batchOf(from) + span, 0))
    const known = (yield* read()).get('keys_pruned_through') ?? 0
    if (prunedThrough > known) yield* set('keys_pruned_through', prunedThrough)
    const [gone] = yield* query<{ n: number }>(
      sql`WITH gone AS (DELETE FROM keys WHERE event >= ${from} AND event < ${until} RETURNING 1)
       SELECT count(*) AS n FROM gone`,
    )
    yield* query(sql`DELETE FROM key_marks WHERE last_event < ${until}`)
    yield* query(sql`UPDATE key_marks SET first_event = ${until} WHERE first_event < ${until}
       OR first_event = (SELECT min(first_event) FROM key_marks)`)
    const removed = gone?.n ?? 0
    span = removed > KEYS_PER_STEP ? Math.max(1, Math.floor(span / 2)) : span * 2
    return { removed, after: until < before ? until : undefined }
  }
}
