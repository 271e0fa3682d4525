import { entryPoint } from '../../entry-point.ts'
import { READ_NAMES } from '../archive/archive.ts'
import type { ArchivePort } from '../archive/port.ts'
import type { Archive, EventQuery } from '../store.ts'
import { type CalledThread, startCalledThread } from '../thread-calls.ts'
import { type Database, prepareOnce, type Statement } from './driver.ts'
import { createKeyFinder } from './key-segments.ts'

/** Reads a store's file for people in a thread of its own; the file must be there. */
export async function openReader(
  file: string,
  keysOf: ArchivePort['keysOf'],
): Promise<CalledThread<Archive>> {
  const entry = entryPoint('store/sqlite/reader-thread')
  const reader = await startCalledThread<ThreadArchive>(entry, file, READ_NAMES)
  return {
    ...reader,
    listEvents: (query) =>
      reader.listEvents(query, query.eventId === undefined ? [] : keysOf(query.eventId)),
  }
}

/** Has the keys of the event id that is asked for beside the query: what makes them is not known there. */
export type ThreadArchive = Omit<Archive, 'listEvents'> & {
  listEvents(query: EventQuery, keys: readonly Uint8Array[]): ReturnType<Archive['listEvents']>
}

/** Reads on a connection of their own. One after the other: a connection has one snapshot at a time. */
export function createReadPort(
  db: Database,
  { now, keysOf }: Pick<ArchivePort, 'now' | 'keysOf'>,
): ArchivePort {
  const prepare = prepareOnce(db)
  let last: Promise<unknown> = Promise.resolve()

  const query = <Row>(sql: string, values: readonly unknown[] = []): readonly Row[] =>
    prepare(sql).all(...(values as Parameters<Statement['all']>)) as readonly Row[]

  async function snapshot<Result>(work: Parameters<ArchivePort['inSnapshot']>[0]): Promise<Result> {
    db.exec('BEGIN')
    try {
      return (await work(query)) as Result
    } finally {
      db.exec('COMMIT')
    }
  }

  return {
    engine: 'sqlite',
    query,
    now,
    keysOf,
    findByKeys: createKeyFinder(query),
    inSnapshot<Result>(work: Parameters<ArchivePort['inSnapshot']>[0]) {
      const mine = last.then(() => snapshot<Result>(work))
      last = mine.catch(() => {})
      return mine
    },
  }
}
