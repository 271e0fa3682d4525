import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { BUCKET_BITS, FEW_EVENTS } from '../event-id.ts'
import { lockDataDirectory } from './data-lock.ts'
import { type Database, translateError } from './driver.ts'
import { KEY_BYTES } from './key-entries.ts'
import { readAllKeys } from './key-segments.ts'
import { openForWriting } from './open-database.ts'

/** Which keys are known, in SQLite in blocks and pages, in PostgreSQL a row each. */
export const KEYS = 'keys'

/** What SQLite keeps of an hour in its blocks of keys as well, PostgreSQL keeps in one place. */
const MARKS = `(SELECT hour, min(first_event) AS first_event, max(last_event) AS last_event FROM (
     SELECT hour, first_event, last_event FROM key_marks
     UNION ALL SELECT hour, first_event, last_event FROM key_blocks)
   GROUP BY hour)`
/** As the other engine has them. */
const EVENTS = `(SELECT id, CASE WHEN (SELECT b.events FROM batches b WHERE b.seq = id >> 20) > ${FEW_EVENTS}
    THEN id >> ${BUCKET_BITS.many} ELSE -1 - (id >> ${BUCKET_BITS.few}) END AS bucket, start, bytes,
  key, type, name, event_id, verdict, twin, occurred_at, recipient, message_id FROM events)`

/**
 * Tables that are copied row by row, with all their columns: `from` where, if not from themselves. Those
 * that may be large are numbered by their first columns, and `size` is what may be large in a row.
 */
const COPIED = {
  key_marks: { from: MARKS },
  events: { from: EVENTS, size: '0' },
  bodies: { size: 'octet_length(body)' },
  quarantine: { size: 'ifnull(octet_length(piece), 0)' },
  batches: { size: '0' },
  runs: { size: '0' },
  jobs: { size: 'octet_length(payload)' },
  event_series: {},
  handlers: {},
  audit: { size: '0' },
  notes: {},
} as const satisfies Record<string, { from?: string; size?: string }>

type RowTable = keyof typeof COPIED
export const COPIED_TABLES = Object.keys(COPIED) as readonly RowTable[]
export type CopiedTable = typeof KEYS | RowTable

export type CopiedRow = Readonly<Record<string, string | number | Uint8Array | null>>

/** Rows by table. */
export type RowCounts = Readonly<Record<string, number>>

/** A store that is copied; nobody else has it. */
export type CopySource = Awaited<ReturnType<typeof openCopySource>>

/** Why nothing is copied. */
export type CopyProblem =
  | 'source_missing'
  | 'target_used'
  | 'target_changed'
  | 'taken_over'
  | 'end_unknown'

export class CopyRefused extends Error {
  readonly problem: CopyProblem

  constructor(problem: CopyProblem, options?: ErrorOptions) {
    super(`The store is not copied: ${problem}.`, options)
    this.name = 'CopyRefused'
    this.problem = problem
  }
}

const ROWS_TOGETHER = 1_000
const KEYS_TOGETHER = 5_000
/** Bodies are up to 10 MB each: fewer of them go together. */
const SIZE_TOGETHER = 8 * 1024 * 1024

/**
 * Opens the database to be copied, as its only owner. Rejects with `store_locked` while a receiver
 * works on it, with CopyRefused when there is none. `onWarning` hears of what damage took.
 */
export async function openCopySource(file: string, onWarning: (text: string) => void) {
  if (!existsSync(file)) throw new CopyRefused('source_missing')
  const opened: { close(): void }[] = []
  const close = () => {
    for (const one of opened.splice(0).reverse()) one.close()
  }
  try {
    opened.push(await lockDataDirectory(dirname(file)))
    const db = await openForWriting(file, onWarning)
    opened.push(db)
    const read = (table: CopiedTable) =>
      table === KEYS ? readKeys(db, onWarning) : readRows(db, table)
    /** Its rows, some at a time. */
    return { ...readFacts(db), read: (table: CopiedTable) => translating(read(table)), close }
  } catch (error) {
    close()
    throw translateError(error)
  }
}

function* translating<Value>(values: Iterable<Value>): Generator<Value> {
  try {
    yield* values
  } catch (error) {
    throw translateError(error)
  }
}

const sourceOf = (table: RowTable): { from: string; size?: string } => {
  return { from: table, ...COPIED[table] }
}

function* readRows(db: Database, table: RowTable): Generator<readonly CopiedRow[]> {
  const { from, size } = sourceOf(table)
  if (size === undefined) {
    const rows = db.prepare(`SELECT * FROM ${from}`).all() as CopiedRow[]
    while (rows.length > 0) yield rows.splice(0, ROWS_TOGETHER)
    return
  }
  const number = table === 'events' ? 'id' : 'rowid'
  // Each page by itself: the driver's iterators do not outlive what happens between two rows.
  const select = db.prepare(
    `WITH next AS (
       SELECT ${number} AS at, ${size} AS size FROM ${from} WHERE ${number} > ? ORDER BY ${number}
       LIMIT ${ROWS_TOGETHER}
     ), summed AS (SELECT at, size, sum(size) OVER (ORDER BY at) AS total FROM next)
     SELECT * FROM ${from} WHERE ${number} > ? AND ${number} <=
       (SELECT max(at) FROM summed WHERE total <= ${SIZE_TOGETHER} OR total = size)
     ORDER BY ${number}`,
  )
  for (let after = 0; ; ) {
    const rows = select.all(after, after) as CopiedRow[]
    const last = rows.at(-1)
    if (!last) return
    yield rows
    after = Number(Object.values(last)[0])
  }
}

function* readKeys(db: Database, onWarning: (text: string) => void): Generator<CopiedRow[]> {
  const floor = readNumber(db, `SELECT n FROM counters WHERE name = 'key_floor'`)
  let missing = 0
  let rows: CopiedRow[] = []
  const onLost = (keys: number) => {
    missing += keys
  }
  for (const { words, events } of readAllKeys(db, onLost)) {
    const keys = new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
    for (const [index, event] of events.entries()) {
      if (event < floor) continue
      rows.push({ key: keys.slice(index * KEY_BYTES, (index + 1) * KEY_BYTES), event })
    }
    if (rows.length < KEYS_TOGETHER) continue
    yield rows
    rows = []
  }
  if (rows.length > 0) yield rows
  if (missing === 0) return
  onWarning(
    `About ${missing} keys in the file are damaged and were not copied: events that have them count as new when they are sent again.`,
  )
}

/** Marks of this engine alone. */
const OWN_COUNTERS: ReadonlySet<string> = new Set([
  'last_batch',
  'last_quarantine_id',
  'key_floor',
  'probed_at',
])

function readFacts(db: Database) {
  const rows = db.prepare('SELECT name, n FROM counters').all() as { name: string; n: number }[]
  const counters = new Map(rows.map(({ name, n }) => [name, n]))
  const counts = [
    'SELECT sum(keys) FROM key_blocks',
    'SELECT sum(entries) FROM key_segments',
    ...COPIED_TABLES.map((table) => `SELECT count(*) FROM ${sourceOf(table).from}`),
  ]
  const lastBatch = readNumber(db, 'SELECT max(seq) FROM batches')
  // Here a batch is counted when it arrives, there when it is closed.
  const open = readNumber(db, 'SELECT count(*) FROM batches WHERE is_open = 1')
  return {
    /** Rows to copy, about: keys may be counted twice. */
    total: counts.reduce((sum, sql) => sum + readNumber(db, sql), 0),
    /** The highest numbers given so far: new rows go on behind them. */
    highest: {
      batches: Math.max(lastBatch, counters.get('last_batch') ?? 0),
      quarantine: counters.get('last_quarantine_id') ?? 0,
    },
    /** As the target counts. */
    counters: new Map(
      [...counters].flatMap(([name, n]): [string, number][] =>
        OWN_COUNTERS.has(name) ? [] : [[name, name === 'batches' ? n - open : n]],
      ),
    ),
  }
}

function readNumber(db: Database, sql: string): number {
  const [n] = Object.values((db.prepare(sql).get() ?? {}) as Record<string, number | null>)
  return n ?? 0
}
