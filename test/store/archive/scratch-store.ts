import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createArchive } from '../../../src/store/archive/archive.ts'
import { eventIdOf } from '../../../src/store/event-id.ts'
import { makeBits, withTimings } from '../../../src/store/run-bits.ts'
import { type Database, openDriver } from '../../../src/store/sqlite/driver.ts'
import { createLookups } from '../../../src/store/sqlite/lookups.ts'
import { createReadPort } from '../../../src/store/sqlite/reader.ts'
import type { Archive } from '../../../src/store/store.ts'

const SCHEMA = readFileSync(
  new URL('../../../src/store/sqlite/migrations/0001_first.sql', import.meta.url),
  'utf8',
)

export const NOW = Date.UTC(2026, 10, 21, 12)

type Row = Readonly<Record<string, string | number | null | Uint8Array>>

export interface RunSample {
  readonly handler: string
  readonly wanted: readonly number[]
  readonly done?: readonly number[]
  readonly failed?: readonly number[]
  readonly opened?: number
  readonly openedAt?: number
  /** Of those done: since the run was opened, and how long each took. */
  readonly endedAfterMs?: number
  readonly tookMs?: number
}

/** Tables filled by hand, and the archive that reads them. */
export interface ScratchStore {
  readonly db: Database
  readonly archive: Archive
  /** The time of the archive moves on by so much whenever it is looked at. */
  slowDown(ms: number): void
  insert(table: string, row: Row): void
  /** A batch of so many events; answers their numbers. */
  addBatch(seq: number, events: readonly Row[], batch?: Row): number[]
  addRun(run: RunSample): void
  addJob(event: number, handler: string, row?: Row): void
}

const keyOf = (id: string): Uint8Array => createHash('sha256').update(id).digest().subarray(0, 16)

export async function openScratchStore(): Promise<ScratchStore> {
  const db = await openDriver(':memory:', { isReadOnly: false })
  db.exec(SCHEMA)
  const lookups = createLookups(db)
  let now = NOW
  let stepMs = 0
  const clock = () => {
    now += stepMs
    return now
  }
  const keysOf = (id: string) => [keyOf(id)]
  const archive = createArchive(createReadPort(db, { now: clock, keysOf }))

  function insert(table: string, row: Row): void {
    const names = Object.keys(row)
    const places = names.map(() => '?').join(', ')
    db.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`).run(
      ...Object.values(row),
    )
  }

  function addBatch(seq: number, events: readonly Row[], batch: Row = {}): number[] {
    const payloads = events.map((_, n) => `{"n":"ä${seq}.${n}"}`)
    const body = Buffer.from(payloads.join('\n'))
    const received = { source: 'mailtrap', provider: 'mailtrap', received_at: NOW - 1_000 }
    const counts = { sha256: keyOf(''), body_bytes: body.length, is_open: 0 }
    insert('batches', { seq, id: `batch-${seq}`, ...received, ...counts, ...batch })
    insert('bodies', { batch: seq, body })
    let start = 0
    const ids = events.map((event, n) => {
      const id = eventIdOf(seq, n)
      const bytes = Buffer.byteLength(payloads[n] ?? '')
      const facts = { bytes, type: 'open', name: 'email.opened', event_id: `id-${id}` }
      const verdict = event['verdict'] ?? null
      const key = keyOf(String(event['event_id'] ?? randomUUID()))
      insert('event_rows', { id, start, key, ...facts, ...event, verdict })
      start += bytes + 1
      return id
    })
    lookups.add(
      ids,
      events.map(({ recipient, message_id }) => ({
        recipient: recipient as string | undefined,
        messageId: message_id as string | undefined,
      })),
    )
    return ids
  }

  function addRun({ handler, wanted, done = [], failed = [], ...run }: RunSample): void {
    const { opened = 1, openedAt = NOW - 500, endedAfterMs = 0, tookMs = 0 } = run
    const base = Math.min(...wanted)
    const bits = makeBits(base, wanted)
    const bytes = bits.length
    const pad = (events: readonly number[]) => {
      const set = new Uint8Array(bytes)
      set.set(makeBits(base, events))
      return set
    }
    const durationsMs = done.map(() => tookMs)
    const timings = withTimings(null, bytes, { base, events: done, durationsMs, endedAfterMs })
    insert('runs', {
      batch: Math.floor(base / 2 ** 20),
      handler,
      base,
      wanted: bits,
      done: done.length > 0 ? pad(done) : null,
      failed: failed.length > 0 ? pad(failed) : null,
      open: wanted.length - done.length - failed.length,
      opened,
      opened_at: opened > 0 ? openedAt : null,
      timings: done.length > 0 ? timings : null,
    })
  }

  const addJob = (event: number, handler: string, row: Row = {}) =>
    insert('jobs', {
      ...{ event, handler, state: 'dead', attempt: 1, payload: Buffer.from(`carried ${event}`) },
      ...row,
    })

  const slowDown = (ms: number) => {
    stepMs = ms
  }
  return { db, archive, slowDown, insert, addBatch, addRun, addJob }
}
