import { once } from 'node:events'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { entryPoint } from '../../entry-point.ts'
import { ReceiverError } from '../../errors.ts'
import type { Archive, Store, StoreCommit } from '../store.ts'
import { type Columns, fromColumns, toColumns } from './columns.ts'
import { type StoreNews, type StoreThreadData, toError } from './requests.ts'
import { createThreadClient, type ThreadClient } from './thread-client.ts'
import { wipeFile } from './wipe-file.ts'

/** A fraction of what Node would choose; a thread fills it before it looks what is garbage. */
const HEAP_MB = { maxYoungGenerationSizeMb: 6 }

/** A store whose work is done by threads of this process. */
export interface SqliteStore extends Store {
  /** A port for another thread; `connectSqliteStore` makes a store of it there. */
  connect(): MessagePort
}

interface StoreThread {
  readonly worker: Worker
  readonly client: ThreadClient
}

type Writes = Omit<Store, keyof Archive | 'close' | 'wipe'>

/** The writes, through any client. */
function writesThrough(client: ThreadClient): Writes {
  return {
    append: (batch) => client.ask('append', batch),
    takeBatch: (leaseMs) => client.ask('takeBatch', leaseMs),
    commitChunk: ({ events, ...chunk }) =>
      client.ask('commitChunk', { ...chunk, events: toColumns(events) }),
    claim: async (request) => fromColumns(await client.ask<Columns>('claim', request)),
    extend: (attempts, leaseMs) => client.ask('extend', toColumns(attempts), leaseMs),
    settle: (attempts) => client.ask('settle', toColumns(attempts)),
    saveHandlers: (handlers) => client.ask('saveHandlers', handlers),
    loadHandlers: () => client.ask('loadHandlers'),
    replay: (jobs, only) => client.ask('replay', jobs, only),
    setPaused: (handler, isPaused) => client.ask('setPaused', handler, isPaused),
    requeue: (quarantineId, batchId) => client.ask('requeue', quarantineId, batchId),
    prune: (request) => client.ask('prune', request),
    erase: (request) => client.ask('erase', request),
    recordAudit: (entry) => client.ask('recordAudit', entry),
    probe: () => client.ask('probe'),
    onHint: (listener) => client.onHint(listener),
  }
}

/** Opens the database of this data directory, for this process alone. */
export async function openSqliteStore(
  file: string,
  onCommit?: (commit: StoreCommit) => void,
): Promise<SqliteStore> {
  const worker = await startThread('./writer-thread', file)
  const client = createThreadClient(worker, onCommit)
  const reader = createLazyReader(file)
  return {
    ...writesThrough(client),
    ...reader.archive,
    wipe: (traces) => wipeFile(file, traces, (step) => client.ask('wipe', step)),
    connect() {
      const { port1, port2 } = new MessageChannel()
      client.handOver(port1)
      return port2
    },
    async close() {
      await reader.close()
      await endThread({ worker, client })
    },
  }
}

/** The store as another thread of the process sees it: what `connect` gave, to work with. */
export function connectSqliteStore(port: MessagePort): Writes & Pick<Store, 'close'> {
  const client = createThreadClient(port)
  return {
    ...writesThrough(client),
    async close() {
      client.end()
      port.close()
    },
  }
}

/**
 * Nobody may ever look; then the reader's thread and its memory are never needed. One that could
 * not be started, or has died, is started again for whoever looks next.
 */
function createLazyReader(file: string) {
  let opening: Promise<StoreThread> | undefined
  let isClosed = false

  function forget(): void {
    opening = undefined
  }

  async function open(): Promise<StoreThread> {
    const worker = await startThread('./reader-thread', file)
    worker.once('exit', forget)
    return { worker, client: createThreadClient(worker) }
  }

  async function ask<Value>(operation: keyof Archive, ...args: readonly unknown[]): Promise<Value> {
    if (isClosed) throw new ReceiverError('store_closed')
    if (!opening) {
      opening = open()
      opening.catch(forget)
    }
    const { client } = await opening
    return client.ask<Value>(operation, ...args)
  }

  const archive: Archive = {
    stats: () => ask('stats'),
    health: async () => undefined,
    listEvents: (query) => ask('listEvents', query),
    getEvent: (id) => ask('getEvent', id),
    listJobs: (query) => ask('listJobs', query),
    listQuarantine: (query) => ask('listQuarantine', query),
    getQuarantine: (id) => ask('getQuarantine', id),
    quarantineBody: (id) => ask('quarantineBody', id),
    listAudit: (query) => ask('listAudit', query),
    findWaiting: (traces, among) => ask('findWaiting', traces, among),
    countEvents: (query) => ask('countEvents', query),
    lastBatches: () => ask('lastBatches'),
    pausedHandlers: () => ask('pausedHandlers'),
  }

  /** Never rejects: what failed or died has nothing left to close. */
  async function close(): Promise<void> {
    isClosed = true
    await opening?.then(endThread).catch(() => {})
  }

  return { archive, close }
}

/** Starts a store thread; resolves once its database is open. */
function startThread(path: string, file: string): Promise<Worker> {
  const { url, execArgv } = entryPoint(path, import.meta.url)
  const workerData: StoreThreadData = { file }
  const worker = new Worker(url, {
    workerData,
    execArgv: [...execArgv],
    resourceLimits: HEAP_MB,
  })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', ({ failure }: StoreNews) => {
      // Its file may be moved away then: the thread must have let go of it.
      if (failure) worker.once('exit', () => reject(toError(failure)))
      else resolve(worker)
    })
  })
}

/** The thread closes its database and then has nothing left to do. */
async function endThread({ worker, client }: StoreThread): Promise<void> {
  await Promise.all([once(worker, 'exit'), client.ask('close')])
}
