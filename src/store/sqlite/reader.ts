import { Worker } from 'node:worker_threads'
import { entryPoint } from '../../entry-point.ts'
import { type ErrorCode, ReceiverError } from '../../errors.ts'
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
  readonly operation: keyof Archive | 'close'
  readonly args: readonly unknown[]
}

/** `id` 0 is nobody's: the thread says by it that its file is open, or cannot be. */
export interface ReadAnswer {
  readonly id: number
  readonly value?: unknown
  readonly failure?: { readonly code: ErrorCode; readonly detail: string | undefined }
}

/** Reads a store's file for people in a thread of its own; the file must be there. */
export async function openReader(
  file: string,
  keysOf: ArchivePort['keysOf'],
): Promise<Archive & { close(): Promise<void> }> {
  const { call, opened, end } = startThread(file)
  await opened
  const reads = READ_NAMES.map((name) => [name, (...args: unknown[]) => call(name, args)])
  const archive = Object.fromEntries(reads) as Archive
  return {
    ...archive,
    listEvents: (query) => {
      const keys = query.eventId === undefined ? [] : keysOf(query.eventId)
      return call('listEvents', [query, keys]) as ReturnType<Archive['listEvents']>
    },
    /** Resolves once what was asked before is answered. */
    close: end,
  }
}

/** Whatever it did not answer when it ends is `store_closed`. */
function startThread(file: string) {
  const { url, execArgv } = entryPoint('store/sqlite/reader-thread')
  const thread = new Worker(url, { execArgv: [...execArgv], workerData: { file } })
  const callers = new Map<number, Caller>()
  let lastId = 0
  let hasEnded = false

  const opened = new Promise<unknown>((resolve, reject) => callers.set(0, { resolve, reject }))
  thread.on('message', ({ id, value, failure }: ReadAnswer) => {
    const caller = callers.get(id)
    callers.delete(id)
    if (failure) caller?.reject(toError(failure))
    else caller?.resolve(value)
  })
  thread.on('error', closeAll)
  thread.on('exit', closeAll)

  function closeAll(): void {
    hasEnded = true
    for (const { reject } of callers.values()) reject(new ReceiverError('store_closed'))
    callers.clear()
  }

  function call(operation: ReadCall['operation'], args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (hasEnded) return reject(new ReceiverError('store_closed'))
      const id = ++lastId
      callers.set(id, { resolve, reject })
      thread.postMessage({ id, operation, args } satisfies ReadCall)
    })
  }

  async function end(): Promise<void> {
    if (hasEnded) return
    await call('close', []).catch(() => {})
    await thread.terminate()
  }

  return { call, opened, end }
}

interface Caller {
  resolve(value: unknown): void
  reject(error: ReceiverError): void
}

function toError({ code, detail }: NonNullable<ReadAnswer['failure']>): ReceiverError {
  return new ReceiverError(code, detail === undefined ? {} : { detail })
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
