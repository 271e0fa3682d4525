import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { ReceiverError } from '../../errors.ts'
import type { Batch, ProviderName } from '../../model.ts'
import { ownFile } from '../../own-files.ts'
import type { LocalJournal, SpooledBatch } from '../local-journal.ts'
import { answerCall, type Call, failCall } from '../thread-calls.ts'
import { createTraceFinder } from '../trace-finder.ts'
import { lockDataDirectory, RECEIVER_WAIT_MS } from './data-lock.ts'
import { type Database, translateError } from './driver.ts'
import { createGuard, type OpenFile } from './guard.ts'
import { openForWriting } from './open-database.ts'

const MIGRATIONS = fileURLToPath(ownFile('store/spool/migrations/'))

interface BatchRow {
  readonly seq: number
  readonly id: string
  readonly source: string
  readonly provider: ProviderName
  readonly received_at: number
  readonly content_type: string | null
  readonly sha256: Uint8Array
  readonly body: Uint8Array
}

const COLUMNS = 'b.seq, id, source, provider, received_at, content_type, sha256, body'

/** All statements; those that write run inside a transaction of the caller. */
function createStatements(db: Database) {
  const insertBatch = db.prepare(
    'INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
  )
  const insertBody = db.prepare('INSERT INTO bodies VALUES (?, ?)')
  const selectNext = db.prepare(
    `SELECT ${COLUMNS} FROM batches b JOIN bodies o ON o.batch = b.seq
     WHERE b.seq > ? ORDER BY b.seq LIMIT 1`,
  )
  const deleteBatch = db.prepare('DELETE FROM batches WHERE seq = ?')
  const deleteBody = db.prepare('DELETE FROM bodies WHERE batch = ?')
  const count = db.prepare('SELECT count(*) AS n FROM batches')
  const selectBodies = db.prepare(
    `SELECT id, body FROM batches b JOIN bodies o ON o.batch = b.seq
     WHERE ?1 IS NULL OR id IN (SELECT value FROM json_each(?1)) ORDER BY b.seq`,
  )
  // Never given twice, or who has taken the one would pass by the other.
  let lastSeq = (db.prepare('SELECT ifnull(max(seq), 0) AS n FROM batches').get() as { n: number })
    .n
  let probes = 0

  return {
    append({ id, source, provider, receivedAt, contentType, sha256, body }: Batch): void {
      const seq = ++lastSeq
      const hash = Buffer.from(sha256, 'hex')
      const type = contentType ?? null
      const { changes } = insertBatch.run(seq, id, source, provider, receivedAt, type, hash)
      if (changes > 0) insertBody.run(seq, body)
    },
    take(after: number): SpooledBatch | undefined {
      const row = selectNext.get(after) as BatchRow | undefined
      if (!row) return undefined
      const { received_at: receivedAt, content_type: contentType, sha256, ...rest } = row
      const hash = Buffer.from(sha256).toString('hex')
      return { ...rest, receivedAt, contentType: contentType ?? undefined, sha256: hash }
    },
    drop(seq: number): void {
      deleteBatch.run(seq)
      deleteBody.run(seq)
    },
    count: () => (count.get() as { n: number }).n,
    probe: () => db.exec(`PRAGMA user_version = ${++probes % 1_000}`),
    findWaiting(traces: readonly string[], among?: readonly string[]): string[] {
      const finder = createTraceFinder(traces)
      const found: string[] = []
      const ids = among ? JSON.stringify(among) : null
      for (const { id, body } of selectBodies.iterate(ids) as Iterable<BatchRow>) {
        if (finder.isInBytes(body)) found.push(id)
      }
      return found
    },
  }
}

type Statements = ReturnType<typeof createStatements>
type JournalCall = Call<keyof LocalJournal>

/** After every commit it looks again, and appends come first, all that wait in one commit. */
function serve(port: MessagePort, opened: OpenFile): void {
  const guard = createGuard(opened, { elapsedMs: () => performance.now() })
  const statements = createStatements(opened.db)
  const waiting: JournalCall[] = []

  /** The error of several of which one may be to blame: each is to be tried alone. */
  function answer(
    requests: readonly JournalCall[],
    work: () => unknown,
  ): ReceiverError | undefined {
    try {
      const value = work()
      for (const { id } of requests) answerCall(port, id, value)
    } catch (cause) {
      const error = translateError(cause)
      if (error.code === 'store_refused' && requests.length > 1) return error
      for (const { id } of requests) failCall(port, id, error)
    }
    return undefined
  }

  const appendAll = (requests: readonly JournalCall[]) =>
    answer(requests, () =>
      guard.write('FULL', () => {
        for (const { args } of requests) statements.append(args[0] as Batch)
      }),
    )

  function runOne({ operation, args }: JournalCall): unknown {
    const work = () => (statements[operation as keyof Statements] as Operation)(...args)
    if (operation === 'drop') return guard.write('NORMAL', work)
    return operation === 'probe' ? guard.write('FULL', work) : guard.read(work)
  }

  function collect(): void {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      waiting.push(next.message as JournalCall)
    }
  }

  function takeAppends(): JournalCall[] {
    const appends = waiting.filter(({ operation }) => operation === 'append')
    const others = waiting.filter(({ operation }) => operation !== 'append')
    waiting.splice(0, waiting.length, ...others)
    return appends
  }

  port.on('message', (request: JournalCall) => {
    waiting.push(request)
    for (;;) {
      collect()
      const appends = takeAppends()
      if (appends.length > 0) {
        if (appendAll(appends)) for (const one of appends) appendAll([one])
        continue
      }
      const next = waiting.shift()
      if (!next) break
      if (next.operation === 'close') return close(next)
      answer([next], () => runOne(next))
    }
    guard.checkpointIfDue()
  })

  function close({ id }: JournalCall): void {
    guard.close()
    answerCall(port, id)
    port.close()
  }
}

type Operation = (...args: readonly unknown[]) => unknown

/** Whoever hears that it failed may move the file or try again at once: nothing stays open. */
async function openFile(file: string): Promise<OpenFile> {
  const lock = await lockDataDirectory(dirname(file), { waitMs: RECEIVER_WAIT_MS })
  try {
    return { file, db: await openForWriting(file, MIGRATIONS), lock }
  } catch (error) {
    lock.close()
    throw error
  }
}

if (parentPort) {
  const { file } = workerData as { file: string }
  try {
    serve(parentPort, await openFile(file))
    answerCall(parentPort, 0)
  } catch (cause) {
    failCall(parentPort, 0, translateError(cause))
  }
}
