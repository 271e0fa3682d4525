import type { Database } from './driver.ts'
import { KEY_BYTES, wordsOf } from './key-entries.ts'
import { ROWS } from './key-filter.ts'
import { KeyMerge, type KeySource } from './key-merge.ts'
import { openKeyBlocks, type PrunedKeys, RecentKeys, type RecentOptions } from './key-recent.ts'
import { KeyPages, type KeySegment, openSegments, type SegmentFacts } from './key-segments.ts'
import { type KeyTable, MOST_TABLE_ENTRIES } from './key-table.ts'

export interface KeyStoreOptions extends RecentOptions {
  /** Default 4: so many full tables wait in memory, or each key would be written once more. */
  readonly tablesPerSegment: number
  /** Default 16: each segment costs a new key 0.1 µs, each level 50 bytes. */
  readonly segmentsPerMerge: number
  /**
   * Segments of this level are not merged further; default 1, which has 4 million keys in each. Their
   * filters are cheaper than to write all keys again, and they are forgotten whole.
   */
  readonly lastLevel: number
}

/** Of the time given; the rest is the commit's. */
const WORK_SHARE = 0.6
const REMOVED_AT_ONCE = 64

/** A segment in the making, and what it will stand for: one of the two is empty. */
interface Running {
  readonly merge: KeyMerge
  readonly tables: readonly KeyTable[]
  readonly segments: readonly KeySegment[]
}

/** What is to be done: works as long as it may, and answers what to do in memory once that is committed. */
type Job = (isTimeUp: () => boolean) => () => void

const DEFAULTS: KeyStoreOptions = {
  onWarning: () => {},
  tableEntries: MOST_TABLE_ENTRIES,
  tablesPerSegment: 4,
  segmentsPerMerge: 16,
  lastLevel: 1,
  looseBlocks: 1_024,
}

/**
 * Reads filters and recent keys into memory: 1.5 to 2 bytes for each key in a segment, and 2 MB for
 * each table of recent ones, of which there are five or six as long as `merge` keeps up.
 */
export const openKeyStore = (db: Database, options: Partial<KeyStoreOptions> = {}): KeyStore =>
  new KeyStore(db, { ...DEFAULTS, ...options })

/** Which keys are known, and of which events. A key has 16 bytes; several lie one behind the other. */
export class KeyStore {
  readonly #db: Database
  readonly #options: KeyStoreOptions
  readonly #sql: ReturnType<typeof prepareStatements>
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

  constructor(db: Database, options: KeyStoreOptions) {
    this.#db = db
    this.#options = options
    this.#sql = prepareStatements(db)
    this.#blocks = openKeyBlocks(db)
    this.#pages = new KeyPages(db, options.onWarning)
    this.#recent = new RecentKeys(this.#blocks, options)
    const { segments, leftOver } = openSegments(db, this.#pages)
    this.#segments = segments
    this.#leftOver = leftOver
    this.#nextSegment = Math.max(0, ...segments.map(({ id }) => id), ...leftOver) + 1
  }

  /** The event of each known key, by index of the key. */
  find(keys: Uint8Array): ReadonlyMap<number, number> {
    const count = keys.length / KEY_BYTES
    const found = new Float64Array(count).fill(-1)
    const query = { words: wordsOf(keys), found, floor: this.#blocks.floor() }
    this.#recent.find(query)
    if (this.#segments.length > 0) this.#pages.find(this.#segments, query)
    const known = new Map<number, number>()
    for (let index = 0; index < count; index++) {
      if ((found[index] as number) >= 0) known.set(index, found[index] as number)
    }
    return known
  }

  /**
   * Within the caller's transaction: keys that are not known, beside each its event, of batches
   * received at `receivedAt`; at most 65,535. When the transaction is not kept, `undo` takes them out
   * of memory, and whatever was added after them.
   */
  add(keys: Uint8Array, events: readonly number[], receivedAt: number): { undo(): void } {
    return this.#recent.add(keys, events, receivedAt)
  }

  /** Within the caller's transaction: forgets keys of batches received before. */
  prune(receivedBefore: number): PrunedKeys {
    return this.#blocks.prune(receivedBefore)
  }

  /**
   * Moves keys from memory into segments and merges those, in a transaction of its own that takes
   * about so long. True while there is more to do now.
   */
  merge(budgetMs: number): boolean {
    const job = this.#nextJob()
    if (!job) return false
    const end = performance.now() + budgetMs * WORK_SHARE
    // A crash may undo a step with all that follow it; whatever is promised later syncs it as well.
    this.#db.exec('PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE')
    try {
      const keep = job(() => performance.now() >= end)
      this.#db.exec('COMMIT')
      keep()
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      this.#giveUp()
      throw error
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL')
    }
    return this.#nextJob() !== undefined
  }

  #nextJob(): Job | undefined {
    // First, so that a process that ends again and again while it merges does not fill the disk.
    if (this.#leftOver.length > 0) return (isTimeUp) => this.#removeLeftOver(isTimeUp)
    const floor = this.#blocks.floor()
    const forgotten = this.#segments.filter(({ lastEvent }) => lastEvent < floor)
    if (forgotten.length > 0) return () => this.#replace(forgotten, undefined)
    // A long merge waits for tables that are full, so that these stay few in memory.
    const tables = this.#recent.full(this.#options.tablesPerSegment)
    if (tables.length > 0) {
      return (isTimeUp) => {
        this.#freezing ??= this.#freeze(tables, floor)
        return this.#run(this.#freezing, isTimeUp)
      }
    }
    if (this.#recent.hasLooseBlocks) return () => this.#recent.joinBlocks()
    const segments = this.#merging?.segments ?? this.#fullLevel()
    if (!segments) return undefined
    return (isTimeUp) => {
      this.#merging ??= this.#mergeLevel(segments, floor)
      return this.#run(this.#merging, isTimeUp)
    }
  }

  /** The oldest segments of a level that has enough of them. */
  #fullLevel(): readonly KeySegment[] | undefined {
    const { lastLevel, segmentsPerMerge } = this.#options
    const levels = Array.from({ length: lastLevel }, (_, level) =>
      this.#segments.filter((segment) => segment.level === level),
    )
    return levels.find((among) => among.length >= segmentsPerMerge)?.slice(-segmentsPerMerge)
  }

  #freeze(tables: readonly KeyTable[], floor: number): Running {
    const facts = tables.map((table) => table.facts())
    const sources = tables.map((table) => table.walk())
    return { merge: this.#openMerge(0, floor, facts, sources), tables, segments: [] }
  }

  #mergeLevel(segments: readonly KeySegment[], floor: number): Running {
    const level = (segments[0] as KeySegment).level + 1
    const sources = segments.map((segment) => this.#pages.walk(segment))
    return { merge: this.#openMerge(level, floor, segments, sources), tables: [], segments }
  }

  #openMerge(
    level: number,
    floor: number,
    parts: readonly Omit<SegmentFacts, 'id' | 'level'>[],
    sources: readonly KeySource[],
  ): KeyMerge {
    const plan: SegmentFacts = {
      id: this.#nextSegment++,
      level,
      entries: parts.reduce((sum, part) => sum + part.entries, 0),
      firstEvent: Math.max(floor, Math.min(...parts.map((part) => part.firstEvent))),
      lastEvent: Math.max(floor, ...parts.map((part) => part.lastEvent)),
      missing: parts.reduce((sum, part) => sum + part.missing, 0),
    }
    return new KeyMerge(this.#db, plan, sources, floor)
  }

  #run({ merge, tables, segments }: Running, isTimeUp: () => boolean): () => void {
    if (!merge.step(isTimeUp)) return () => {}
    const made = merge.finish()
    const leaveTables = tables.length > 0 ? this.#recent.leave(tables) : undefined
    const replace = this.#replace(segments, made)
    return () => {
      if (leaveTables) this.#freezing = undefined
      else this.#merging = undefined
      leaveTables?.()
      replace()
    }
  }

  #replace(gone: readonly KeySegment[], made: KeySegment | undefined): () => void {
    for (const { id } of gone) this.#sql.deleteSegment.run(id)
    return () => {
      if (this.#merging?.segments.some((segment) => gone.includes(segment))) this.#giveUp()
      const kept = this.#segments.filter((segment) => !gone.includes(segment))
      if (made) kept.push(made)
      this.#segments = kept.sort((a, b) => b.lastEvent - a.lastEvent)
      this.#leftOver.push(...gone.map(({ id }) => id))
    }
  }

  #removeLeftOver(isTimeUp: () => boolean): () => void {
    const id = this.#leftOver[0] as number
    const range = [id * ROWS, (id + 1) * ROWS - 1] as const
    do {
      const pages = Number(this.#sql.deletePages.run(...range).changes)
      const filters = Number(this.#sql.deleteFilters.run(...range).changes)
      if (pages + filters === 0) return () => this.#leftOver.shift()
    } while (!isTimeUp())
    return () => {}
  }

  /** Begun anew at the next step, under another number. */
  #giveUp(): void {
    this.#leftOver.push(...[this.#freezing, this.#merging].flatMap((one) => one?.merge.id ?? []))
    this.#freezing = undefined
    this.#merging = undefined
  }
}

function prepareStatements(db: Database) {
  const some = (table: string): string =>
    `DELETE FROM ${table} WHERE id IN
       (SELECT id FROM ${table} WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ${REMOVED_AT_ONCE})`
  return {
    deleteSegment: db.prepare('DELETE FROM key_segments WHERE id = ?'),
    deletePages: db.prepare(some('key_pages')),
    deleteFilters: db.prepare(some('key_filters')),
  }
}
