import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  COPIED_TABLES,
  type CopiedRow,
  type CopiedTable,
  type CopiedValue,
  CopyRefused,
  type SourceFacts,
} from '../store-copy.ts'
import { type Database, translateError } from './driver.ts'
import { lockDataDirectory, openForWriting } from './open-database.ts'

const ROWS_TOGETHER = 1_000
/** Bodies are up to 10 MB each: fewer of them go together. */
const SIZE_TOGETHER = 8 * 1024 * 1024

export interface CopySource {
  readonly facts: SourceFacts
  /** The next rows behind this key, a thousand at the most; none at the end. */
  readAfter(table: CopiedTable, key?: readonly CopiedValue[]): readonly CopiedRow[]
  close(): void
}

/**
 * Opens the database to be copied, as its only owner. Rejects with `store_locked` while a receiver
 * works on it, with CopyRefused when there is none.
 */
export async function openCopySource(file: string): Promise<CopySource> {
  if (!existsSync(file)) throw new CopyRefused('source_missing')
  const opened: { close(): void }[] = []
  const close = () => {
    for (const one of opened.splice(0).reverse()) one.close()
  }
  try {
    opened.push(await lockDataDirectory(dirname(file)))
    const db = await openForWriting(file)
    opened.push(db)
    return serveSource(db, close)
  } catch (error) {
    close()
    throw translateError(error)
  }
}

function serveSource(db: Database, close: () => void): CopySource {
  return {
    facts: readFacts(db),
    readAfter(table, key) {
      try {
        return selectAfter(db, table, key)
      } catch (error) {
        throw translateError(error)
      }
    },
    close,
  }
}

function selectAfter(
  db: Database,
  { name, key, columns, bulk }: CopiedTable,
  after: readonly CopiedValue[] = [],
): readonly CopiedRow[] {
  const keys = key.join(', ')
  const behind = after.length > 0 ? `WHERE (${keys}) > (${key.map(() => '?').join(', ')})` : ''
  const select = (what: string, limit: number) =>
    db
      .prepare(`SELECT ${what} FROM ${name} ${behind} ORDER BY ${keys} LIMIT ${limit}`)
      .all(...after) as CopiedRow[]
  const size = bulk ? `ifnull(octet_length(${bulk}), 0)` : '0'
  const sizes = select(`${size} AS size`, ROWS_TOGETHER).map((row) => Number(row['size']))
  return select(Object.keys(columns).join(', '), countFitting(sizes))
}

/** At least one, however large. */
function countFitting(sizes: readonly number[]): number {
  let sum = 0
  const excess = sizes.findIndex((size) => {
    sum += size
    return sum > SIZE_TOGETHER
  })
  return excess < 0 ? sizes.length : Math.max(1, excess)
}

/** Marks of this engine alone. */
const OWN_COUNTERS: ReadonlySet<string> = new Set([
  'last_event_id',
  'last_quarantine_id',
  'probed_at',
])

function readFacts(db: Database): SourceFacts {
  const first = db.prepare('SELECT name, applied_at FROM migrations ORDER BY name LIMIT 1').get()
  const counters = readCounters(db)
  const rows = Object.fromEntries(
    COPIED_TABLES.map(({ name }) => [name, readNumber(db, `SELECT count(*) FROM ${name}`)]),
  )
  return {
    identity: hash(first),
    version: readVersion(db, counters, rows),
    rows,
    highest: {
      batches: readNumber(db, 'SELECT max(seq) FROM batches'),
      events: Math.max(
        readNumber(db, 'SELECT max(id) FROM events'),
        counters.get('last_event_id') ?? 0,
      ),
      quarantine: counters.get('last_quarantine_id') ?? 0,
      audit: readNumber(db, 'SELECT max(id) FROM audit'),
    },
    counters: countersOfTarget(db, counters),
    handlers: db.prepare('SELECT * FROM handlers ORDER BY name').all() as CopiedRow[],
  }
}

function readCounters(db: Database): Map<string, number> {
  const rows = db.prepare('SELECT name, n FROM counters ORDER BY name').all()
  return new Map((rows as { name: string; n: number }[]).map(({ name, n }) => [name, n]))
}

/** Here a batch is counted when it arrives, there when it is closed. */
function countersOfTarget(db: Database, counters: Map<string, number>): Map<string, number> {
  const open = readNumber(db, 'SELECT count(*) FROM batches WHERE body IS NOT NULL')
  const shared = [...counters].filter(([name]) => !OWN_COUNTERS.has(name))
  return new Map(shared.map(([name, n]) => [name, name === 'batches' ? n - open : n]))
}

/** Whatever a receiver does changes one of these. The remainders keep sums of times small. */
function readVersion(db: Database, counters: Map<string, number>, rows: object): string {
  const batches = db
    .prepare('SELECT max(seq), count(body), sum(unpacked_pieces) FROM batches')
    .get()
  const jobs = db
    .prepare(
      `SELECT sum(attempt), sum(state = 'done'), sum(state = 'dead'), sum(due_at % 1000003),
         sum(ended_at % 1000003) FROM jobs`,
    )
    .get()
  return hash([[...counters].filter(([name]) => name !== 'probed_at'), rows, batches, jobs])
}

function readNumber(db: Database, sql: string): number {
  const [n] = Object.values(db.prepare(sql).get() as Record<string, number | null>)
  return n ?? 0
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
