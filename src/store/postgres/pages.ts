import { ReceiverError } from '../../errors.ts'
import { cutFitting, type Fitting, groupBy } from '../group-by.ts'
import { createTypeNames, SELECT_TYPE_COUNTERS, tallyPages } from '../series.ts'
import type { PageResult, StoredRun, UnpackedPage } from '../store.ts'
import { listOf, sendingRows, withoutNul } from './arrays.ts'
import { addToCounters, addToSeries } from './counters.ts'
import { isKnownKey, isNumberingWrong } from './driver.ts'
import type { Leases } from './leases.ts'
import { insertEvents, insertRuns, insertUnreadable, replaceBodies } from './page-rows.ts'
import { type Query, RolledBack, type TransactionPlan, type Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 20_000 }

/** Small batches share a transaction; a longer one would keep others waiting for its keys. */
const TOGETHER: Fitting<UnpackedPage> = {
  sizeOf: ({ events }) => events.length,
  most: 2_500,
  rows: 500,
}

const LOCK_BATCHES = `
  SELECT seq, unpacked_pieces AS pieces FROM batches
  WHERE seq = ANY($1::bigint[]) AND is_open = 1 ORDER BY seq FOR UPDATE`

interface Progress {
  readonly seq: number
  readonly pieces: number
}

/** Some of the pages were taken by somebody else. */
class Taken extends RolledBack {}

/** Turns unpacked parts of batches into keys, events, runs and quarantine. */
export function createPages(
  transactions: Transactions,
  leases: Leases,
  onKeys: (pages: readonly UnpackedPage[]) => void,
) {
  const store = createStoring(leases)

  /** What is not the pages' own fault is thrown on; else the one page that it is of is found by halves. */
  async function commitGroup(pages: readonly UnpackedPage[]): Promise<PageResult[]> {
    try {
      // Before it is known whether they stay, which an answer that is lost does not tell.
      onKeys(pages)
      const runs = await transactions.run(PLAN, (query) => store(query, pages))
      for (const { batch, isLast } of pages) if (isLast) leases.batches.drop(batch.seq)
      return pages.map((_, index) => ({ kind: 'stored', runs: runs[index] ?? [] }))
    } catch (error) {
      const failed = await readFailure(transactions, pages, error)
      const half = Math.ceil(pages.length / 2)
      if (half < pages.length) {
        const first = await commitGroup(pages.slice(0, half))
        return [...first, ...(await commitGroup(pages.slice(half)))]
      }
      return [failed]
    }
  }

  return {
    async commit(pages: readonly UnpackedPage[]): Promise<PageResult[]> {
      const results: PageResult[] = []
      for (const group of cutFitting(pages, TOGETHER)) results.push(...(await commitGroup(group)))
      return results
    },
  }
}

/** All in one transaction; what does not need an answer is sent together. */
function createStoring(leases: Leases) {
  const names = createTypeNames()

  return async function store(
    query: Query,
    pages: readonly UnpackedPage[],
  ): Promise<StoredRun[][]> {
    const answers = Promise.all([
      query<Progress>(LOCK_BATCHES, [listOf('bigint', seqsOf(pages))]),
      insertEvents(query, pages),
      insertRuns(query, pages, [leases.ms, leases.taker]),
      insertUnreadable(query, pages),
      replaceBodies(query, pages),
      advance(query, pages),
    ])
    answers.catch(() => {})
    const isStrange = pages.some(({ events }) => {
      return events.some(({ type }) => !names.knows(withoutNul(type)))
    })
    if (isStrange) names.learn(await query(SELECT_TYPE_COUNTERS))
    const counted = count(query, pages, names.nameOf)
    counted.catch(() => {})
    const [batches, , runs] = await answers
    await counted
    if (isAnyTaken(pages, batches)) throw new Taken()
    return runs
  }
}

const seqsOf = (pages: readonly UnpackedPage[]): number[] => pages.map(({ batch }) => batch.seq)

/** Whoever has unpacked the same pieces has taken the numbers and keys of their events as well. */
async function readFailure(
  transactions: Transactions,
  pages: readonly UnpackedPage[],
  error: unknown,
): Promise<PageResult> {
  if (error instanceof Taken) return { kind: 'taken' }
  const { cause } = error as { cause?: unknown }
  if (isNumberingWrong(cause) || isKnownKey(cause)) {
    const seqs = listOf('bigint', seqsOf(pages))
    const batches = await transactions.runOne<Progress>(PLAN, LOCK_BATCHES, [seqs])
    if (isAnyTaken(pages, batches)) return { kind: 'taken' }
  }
  if (isKnownKey(cause)) return { kind: 'raced' }
  if (error instanceof ReceiverError && error.code === 'store_refused') {
    return { kind: 'refused', error }
  }
  throw error
}

/** Pages of one batch follow each other. */
function isAnyTaken(pages: readonly UnpackedPage[], batches: readonly Progress[]): boolean {
  const progress = new Map(batches.map(({ seq, pieces }) => [seq, pieces]))
  return pages.some(({ batch, fromPiece, toPiece, isLast }) => {
    const isTaken = progress.get(batch.seq) !== fromPiece
    if (isLast) progress.delete(batch.seq)
    else progress.set(batch.seq, toPiece)
    return isTaken
  })
}

const PROGRESS = sendingRows<readonly [number, readonly UnpackedPage[]]>({
  seq: ['bigint', ([seq]) => seq],
  pieces: ['integer', ([, pages]) => pages.at(-1)?.toPiece],
  is_open: ['integer', ([, pages]) => (pages.at(-1)?.isLast ? 0 : 1)],
  events: ['integer', ([, pages]) => pages.reduce((n, { events }) => n + events.length, 0)],
})
const ADVANCE_BATCHES = `
  UPDATE batches b SET unpacked_pieces = p.pieces, is_open = p.is_open, events = b.events + p.events
  FROM (${PROGRESS.select}) AS p WHERE b.seq = p.seq`

async function advance(query: Query, pages: readonly UnpackedPage[]): Promise<void> {
  await query(ADVANCE_BATCHES, PROGRESS.lists([...groupBy(pages, ({ batch }) => batch.seq)]))
}

/** Into the totals, and into the series by time of receipt. */
async function count(
  query: Query,
  pages: readonly UnpackedPage[],
  nameType: (type: string) => string,
): Promise<void> {
  const { totals, series } = tallyPages(pages, (type) => nameType(withoutNul(type)))
  const batches = pages.reduce((n, { isLast }) => (isLast ? n + 1 : n), 0)
  await Promise.all([
    addToCounters(query, new Map([...totals, ['batches', batches]])),
    addToSeries(query, series),
  ])
}
