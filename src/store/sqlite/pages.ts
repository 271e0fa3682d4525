import { ReceiverError } from '../../errors.ts'
import { HOUR_MS } from '../believed-time.ts'
import { groupBy } from '../group-by.ts'
import { wantedEvents } from '../run-bits.ts'
import { createTypeNames, insertSeries, SELECT_TYPE_COUNTERS, tallyPages } from '../series.ts'
import type { PageResult, StoredRun, UnpackedPage } from '../store.ts'
import type { Bodies } from './bodies.ts'
import type { Counters } from './counters.ts'
import type { Database } from './driver.ts'
import { createEventRows, type Words } from './event-rows.ts'
import type { Journal } from './journal.ts'
import type { KeyStore } from './keys.ts'
import type { Lookups } from './lookups.ts'
import type { Runs } from './runs.ts'
import type { Transactions } from './transactions.ts'

interface PageParts {
  readonly transactions: Transactions
  readonly counters: Counters
  readonly keys: KeyStore
  readonly lookups: Lookups
  readonly words: Words
  readonly journal: Journal
  readonly bodies: Bodies
  readonly runs: Runs
  readonly isPaused: (handler: string) => boolean
}

/** What became of a page, to be counted once it is known to stay. */
interface Stored {
  readonly page: UnpackedPage
  readonly ids: readonly number[]
  readonly runs: readonly StoredRun[]
}

/** Turns unpacked parts of batches into events, keys, runs and quarantine. */
export function createPages(db: Database, parts: PageParts) {
  const { transactions, counters, journal, keys, lookups } = parts
  const storePage = createPageRows(db, parts)
  const insertCount = db.prepare(insertSeries('sqlite'))
  const names = createTypeNames()
  names.learn(db.prepare(SELECT_TYPE_COUNTERS).all() as { name: string }[])

  function count(stored: readonly Stored[]): void {
    const pages = stored.map(({ page }) => page)
    const { totals, series } = tallyPages(pages, names.nameOf)
    for (const [name, n] of totals) counters.add(name, n)
    for (const { step, at, type, n } of series) insertCount.run(step, at, type, n)
    for (const { batch, isLast } of pages) if (isLast) journal.endLease(batch.seq)
  }

  /** Those of pages that were received in the same hour are kept as one block. */
  function addKeys(stored: readonly Stored[]): void {
    const found = stored.filter(({ ids }) => ids.length > 0)
    const byHour = groupBy(found, ({ page }) => Math.floor(page.batch.receivedAt / HOUR_MS))
    for (const [hour, pages] of byHour) {
      const added = Buffer.concat(pages.map(({ page }) => page.keys))
      const ids = pages.flatMap((one) => one.ids)
      keys.add(added, ids, hour * HOUR_MS)
    }
  }

  function storeApart(page: UnpackedPage, now: number): Stored | Error | undefined {
    try {
      return transactions.apart(() => storePage(page, now))
    } catch (error) {
      if (error instanceof ReceiverError && error.code === 'store_refused') return error
      throw error
    }
  }

  return {
    /**
     * Within a transaction. `isApart`: a page that the store refuses for what it holds is undone by
     * itself; else it fails the transaction, which is cheaper.
     */
    store(
      pages: readonly UnpackedPage[],
      { now, isApart }: { now: number; isApart: boolean },
    ): PageResult[] {
      const kept: Stored[] = []
      const results = pages.map((page): PageResult => {
        const stored = isApart ? storeApart(page, now) : storePage(page, now)
        if (!stored) return { kind: 'taken' }
        if (stored instanceof Error) return { kind: 'refused', error: stored }
        // Outside of what may be undone by itself.
        counters.add('events_ever', stored.ids.length)
        kept.push(stored)
        return { kind: 'stored', runs: stored.runs }
      })
      count(kept)
      addKeys(kept)
      const events = kept.flatMap(({ page }) => page.events)
      lookups.add(
        kept.flatMap(({ ids }) => ids),
        events,
      )
      return results
    },
  }
}

/** Undefined: somebody else has unpacked these pieces, or there is no such open batch. */
type StorePage = (page: UnpackedPage, now: number) => Stored | undefined

function createPageRows(db: Database, parts: PageParts): StorePage {
  const { transactions, counters, bodies, runs, words, isPaused } = parts
  const sql = prepareStatements(db)
  const insertEvents = createEventRows(db, words)

  function insertUnreadable({ batch, unreadable }: UnpackedPage): void {
    if (unreadable.length === 0) return
    let id = counters.get('last_quarantine_id')
    for (const { reason, detail, position, pieces, start, bytes } of unreadable) {
      sql.insertPiece.run(++id, batch.seq, reason, detail, position, pieces, start, bytes)
    }
    counters.set('last_quarantine_id', id)
  }

  function addRuns(page: UnpackedPage, now: number): StoredRun[] {
    return [...wantedEvents(page)].map(([handler, events]) => {
      const isWanted = !isPaused(handler)
      const openedAt = isWanted && page.opensFor.has(handler) ? now : undefined
      const stored = runs.add({ batch: page.batch.seq, handler, events, openedAt })
      const waits = isWanted && openedAt === undefined
      if (waits) transactions.onEnd((isKept) => isKept && runs.keep(stored, page))
      return stored
    })
  }

  return (page, now) => {
    const { batch, fromPiece, toPiece, isLast, replacement } = page
    const place = [batch.seq, fromPiece] as const
    const { changes } = sql.advance.run(toPiece, isLast ? 0 : 1, page.events.length, ...place)
    if (changes === 0) return undefined
    if (replacement) {
      const { body, sha256 } = replacement
      bodies.replace(batch.seq, body)
      sql.replace.run(Buffer.from(sha256, 'hex'), body.byteLength, batch.seq)
    }
    const ids = insertEvents(page)
    insertUnreadable(page)
    return { page, ids, runs: addRuns(page, now) }
  }
}

function prepareStatements(db: Database) {
  return {
    advance: db.prepare(
      `UPDATE batches SET unpacked_pieces = ?, is_open = ?, events = events + ?
       WHERE seq = ? AND is_open = 1 AND unpacked_pieces = ?`,
    ),
    replace: db.prepare('UPDATE batches SET sha256 = ?, body_bytes = ? WHERE seq = ?'),
    insertPiece: db.prepare(
      `INSERT INTO quarantine (id, batch, reason, detail, position, pieces, start, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
  }
}
