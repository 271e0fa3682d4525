import { Worker } from 'node:worker_threads'
import { entryPoint } from '../../entry-point.ts'
import { ReceiverError } from '../../errors.ts'
import { type Answer, ThreadCalls } from '../../thread-calls.ts'
import { READ_NAMES } from '../archive/archive.ts'
import type { ArchivePort } from '../archive/port.ts'
import type { Archive } from '../store.ts'
import { createStepRunner, type Database } from './driver.ts'
import { findByKeys } from './key-segments.ts'
import { findLookups } from './lookups.ts'

/**
 * What the thread is asked. The keys of an event id that is searched for come beside the query: what
 * makes them is not known there.
 */
export interface ReadCall {
  readonly id: number
  readonly operation: keyof Archive | 'open' | 'close'
  readonly args: readonly unknown[]
}

/** Reads a store's file for people in a thread of its own; the file must be there. */
export async function openReader(
  file: string,
  keysOf: ArchivePort['keysOf'],
): Promise<Archive & { close(): Promise<void> }> {
  const { url, execArgv } = entryPoint('store/sqlite/reader-thread')
  const thread = new Worker(url, { execArgv: [...execArgv], workerData: { file } })
  const calls = new ThreadCalls()
  const end = () => calls.end(new ReceiverError('store_closed'))
  thread.on('message', (answer: Answer) => calls.settle(answer))
  thread.on('error', end)
  thread.on('exit', end)

  const call = (operation: ReadCall['operation'], ...args: readonly unknown[]): Promise<never> =>
    calls.begin((id) => thread.postMessage({ id, operation, args } satisfies ReadCall))

  try {
    await call('open')
  } catch (error) {
    await thread.terminate()
    throw error
  }
  const reads = READ_NAMES.map((name) => [name, (...args: unknown[]) => call(name, ...args)])
  const archive = Object.fromEntries(reads) as Archive
  return {
    ...archive,
    listEvents: (query) =>
      call('listEvents', query, query.eventId === undefined ? [] : keysOf(query.eventId)),
    /** Resolves once what was asked before is answered. */
    async close() {
      await call('close').catch(() => {})
      await thread.terminate()
    },
  }
}

/** Reads on a connection of their own, each from beginning to end before the next. */
export function createReadPort(
  db: Database,
  { now, keysOf }: Pick<ArchivePort, 'now' | 'keysOf'>,
): ArchivePort {
  const take = createStepRunner(db)
  return {
    engine: 'sqlite',
    now,
    keysOf,
    findByKeys,
    findLookups,
    async inSnapshot(begin) {
      db.exec('BEGIN')
      try {
        return take(begin())
      } finally {
        db.exec('COMMIT')
      }
    },
  }
}
