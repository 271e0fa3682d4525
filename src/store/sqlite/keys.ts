import type { Database, Statement } from './driver.ts'
import { type KeyTable, MOST_TABLE_ENTRIES, wordsOf } from './key-entries.ts'
import { ROWS } from './key-filter.ts'
import { writeSegment } from './key-merge.ts'
import { openKeyBlocks, type PrunedKeys, RecentKeys, type RecentOptions } from './key-recent.ts'
import { KeyPages, type KeySegment, openSegments, type SegmentFacts } from './key-segments.ts'
import type { Transactions } from './transactions.ts'

export interface KeyStoreOptions extends RecentOptions {
  /** Default 4: so many full tables wait in memory, or each key would be written once more. */
  readonly tablesPerSegment: number
  /**
   * Default 16, which makes 4 million keys: each segment costs a new key 0.1 µs. Large ones are not
   * merged further: their filters are cheaper than to write all keys again, and they are forgotten whole.
   */
  readonly segmentsPerMerge: number
}

/** Of the time given; the rest is the commit's. */
const WORK_SHARE = 0.6
const REMOVED_AT_ONCE = 64
/**
 * Large segments are made in one turn of so many: 4 million keys take 1.7 s, which one in each turn would
 * take from the next 350,000 events. A turn brings at most 500 keys, so that this is three times enough.
 */
const TURNS_PER_MERGE = 4

/** A segment in the making, and what it will stand for: one of the two is empty. */
interface Running {
  readonly id: number
  readonly steps: ReturnType<typeof writeSegment>
  readonly tables: readonly KeyTable[]
  readonly segments: readonly KeySegment[]
}

const DEFAULTS: KeyStoreOptions = {
  onWarning: () => {},
  tableEntries: MOST_TABLE_ENTRIES,
  tablesPerSegment: 4,
  segmentsPerMerge: 16,
}

/**
 * Reads filters and recent keys into memory: 1.5 to 2 bytes for each key in a segment, and 2 MB for
 * each table of recent ones, of which there are five or six as long as `merge` keeps up.
 */
export const openKeyStore = (
  db: Database,
  transactions: Pick<Transactions, 'onEnd'>,
  options: Partial<KeyStoreOptions> = {},
): KeyStore => new KeyStore(db, transactions, { ...DEFAULTS, ...options })

/**
 * Which keys are known, and of which events. A key has 16 bytes; several lie one behind the other. All
 * but `find` and `isBehind` is within a transaction.
 */
export class KeyStore {
  readonly #db: Database
  readonly #onEnd: Transactions['onEnd']
  readonly #options: KeyStoreOptions
  readonly #deleteSegment: Statement
  readonly #deleteRows: readonly Statement[]
  readonly #blocks: ReturnType<typeof openKeyBlocks>
  readonly #pages: KeyPages
  readonly #recent: RecentKeys
  /** The newest first. */
  #segments: KeySegment[]
  /** Their pages and filters are to be removed. */
  readonly #leftOver: number[]
  #nextSegment: number
  #freezing: Running | undefined
  #merging: Running | undefined
  #turns = 0
  /** Of the step. */
  #endsAt = 0

  constructor(db: Database, { onEnd }: Pick<Transactions, 'onEnd'>, options: KeyStoreOptions) {
    this.#db = db
    this.#onEnd = onEnd
    this.#options = options
    this.#deleteSegment = db.prepare('DELETE FROM key_segments WHERE id = ?')
    // Filters have fewer rows, so the pages by which left-overs are found are the last.
    this.#deleteRows = ['key_filters', 'key_pages'].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE id IN
        (SELECT id FROM ${table} WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ${REMOVED_AT_ONCE})`),
    )
    this.#blocks = openKeyBlocks(db)
    this.#pages = new KeyPages(db, options.onWarning)
    this.#recent = new RecentKeys(this.#blocks, onEnd, options)
    const { segments, leftOver } = openSegments(db, this.#pages)
    this.#segments = segments
    this.#leftOver = leftOver
    this.#nextSegment = Math.max(0, ...segments.map(({ id }) => id), ...leftOver) + 1
  }

  /** The event of each known key, by index of the key. */
  find(keys: Uint8Array): ReadonlyMap<number, number> {
    const words = wordsOf(keys)
    const floor = this.#blocks.floor()
    const known = new Map<number, number>()
    for (let at = 0; at < words.length; at += 4) {
      let event = this.#recent.find(words, at, floor)
      if (event < 0) event = this.#pages.find(this.#segments, words, at, floor)
      if (event >= 0) known.set(at / 4, event)
    }
    return known
  }

  /** Keys that are not known, beside each its event, of batches received at `receivedAt`; at most 65,535. */
  add(keys: Uint8Array, events: readonly number[], receivedAt: number): void {
    this.#recent.add(keys, events, receivedAt)
  }

  /** Forgets keys of batches received before. */
  prune(receivedBefore: number): PrunedKeys {
    return this.#blocks.prune(receivedBefore)
  }

  /** Whether there is something to merge now. */
  isBehind(): boolean {
    return this.#nextStep() !== undefined
  }

  /** Moves keys from memory into segments and merges those, for about so long with its commit. */
  merge(budgetMs: number): void {
    this.#endsAt = performance.now() + budgetMs * WORK_SHARE
    // What is in memory is ahead of the disk then: begun anew at the next step, under another number.
    this.#onEnd((isKept) => {
      if (isKept) return
      this.#leftOver.push(...[this.#freezing, this.#merging].flatMap((one) => one?.id ?? []))
      this.#freezing = undefined
      this.#merging = undefined
    })
    this.#nextStep()?.()
  }

  readonly #isTimeUp = (): boolean => performance.now() >= this.#endsAt

  #nextStep(): (() => void) | undefined {
    // First, so that a process that ends again and again while it merges does not fill the disk.
    if (this.#leftOver.length > 0) return () => this.#removeLeftOver()
    const floor = this.#blocks.floor()
    const forgotten = this.#segments.filter(
      (segment) => segment.lastEvent < floor && !this.#merging?.segments.includes(segment),
    )
    if (forgotten.length > 0) return () => this.#replace(forgotten, undefined)
    // A long merge waits for tables that are full, so that these stay few in memory.
    const tables = this.#recent.full(this.#options.tablesPerSegment)
    if (tables.length > 0) {
      return () => {
        this.#freezing ??= this.#begin({ tables, segments: [] }, floor)
        this.#advance(this.#freezing)
      }
    }
    const segments = this.#merging?.segments ?? this.#oldestSmall()
    if (segments.length === 0) return undefined
    return () => {
      if (this.#turns++ % TURNS_PER_MERGE > 0) return
      this.#merging ??= this.#begin({ tables: [], segments }, floor)
      this.#advance(this.#merging)
    }
  }

  /** Once there are enough of them. */
  #oldestSmall(): readonly KeySegment[] {
    const { segmentsPerMerge } = this.#options
    const small = this.#segments.filter(({ level }) => level === 0)
    return small.length >= segmentsPerMerge ? small.slice(-segmentsPerMerge) : []
  }

  #begin({ tables, segments }: Pick<Running, 'tables' | 'segments'>, floor: number): Running {
    const parts = [...tables.map((table) => table.facts()), ...segments]
    const plan: SegmentFacts = {
      id: this.#nextSegment++,
      level: segments.length > 0 ? 1 : 0,
      entries: parts.reduce((sum, part) => sum + part.entries, 0),
      firstEvent: Math.max(floor, Math.min(...parts.map((part) => part.firstEvent))),
      lastEvent: Math.max(floor, ...parts.map((part) => part.lastEvent)),
      missing: parts.reduce((sum, part) => sum + part.missing, 0),
    }
    const sources = [
      ...tables.map((table) => table.walk()),
      ...segments.map((segment) => this.#pages.walk(segment)),
    ]
    const steps = writeSegment(this.#db, plan, { sources, floor, isTimeUp: this.#isTimeUp })
    return { id: plan.id, steps, tables, segments }
  }

  #advance({ steps, tables, segments }: Running): void {
    const step = steps.next()
    if (!step.done) return
    this.#recent.leave(tables)
    this.#replace(segments, step.value)
    this.#onEnd((isKept) => {
      if (!isKept) return
      if (tables.length > 0) this.#freezing = undefined
      else this.#merging = undefined
    })
  }

  #replace(gone: readonly KeySegment[], made: KeySegment | undefined): void {
    for (const { id } of gone) this.#deleteSegment.run(id)
    this.#onEnd((isKept) => {
      if (!isKept) return
      const kept = this.#segments.filter((segment) => !gone.includes(segment))
      if (made) kept.push(made)
      this.#segments = kept.sort((a, b) => b.lastEvent - a.lastEvent)
      this.#leftOver.push(...gone.map(({ id }) => id))
    })
  }

  #removeLeftOver(): void {
    const id = this.#leftOver[0] as number
    const range = [id * ROWS, (id + 1) * ROWS - 1] as const
    do {
      const changes = this.#deleteRows.map((statement) => Number(statement.run(...range).changes))
      if (changes.some((rows) => rows > 0)) continue
      this.#onEnd((isKept) => void (isKept && this.#leftOver.shift()))
      return
    } while (!this.#isTimeUp())
  }
}
