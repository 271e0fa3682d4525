import { dirname } from 'node:path'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ReceiverError } from '../../errors.ts'
import type { StoreCommit, StoreHint } from '../store.ts'
import { createCheckpoints } from './checkpoints.ts'
import { type Database, translateError } from './driver.ts'
import { createInbox, isAlone } from './inbox.ts'
import { lockDataDirectory, lockFileOf, openForWriting } from './open-database.ts'
import { rememberPlaces } from './remember-places.ts'
import {
  answer,
  type StoreNews,
  type StoreThreadData,
  toFailure,
  type Waiting,
} from './requests.ts'
import { createTransactions, type StepResult, type Sync } from './transactions.ts'
import { createWiping, type WipeStep } from './wipe.ts'
import { createWriter, type Operation } from './writer.ts'

interface OpenFile {
  readonly db: Database
  readonly lock: Database
  readonly checkpoints: ReturnType<typeof createCheckpoints>
  readonly findMoved: ReturnType<typeof rememberPlaces>
}

/**
 * Work that would only be done again: should a power cut take it back, the batch is still there or
 * the job still pending. Nobody was promised it, so it does not wait for the disk; the next
 * acknowledgement or checkpoint syncs it along.
 */
const REPEATABLE: ReadonlySet<string> = new Set([
  'takeBatch',
  'commitChunk',
  'claim',
  'extend',
  'settle',
])

/**
 * The one thread that writes, so that a slow disk never stalls the thread that serves HTTP. It looks
 * again after every commit, and acknowledgements come first, all that wait at that moment in one: a
 * request waits for one group of work at the most. Other work waits for a moment without requests,
 * which under load may take a second: it is late then, and nothing is lost.
 */
function serve(port: MessagePort, { db, lock, checkpoints, findMoved }: OpenFile): void {
  const hints = new Set<StoreHint>()
  // Told along with the next answer to whoever started this thread.
  const commits: StoreCommit[] = []
  const { runTogether, onEnd } = createTransactions(db, {
    onCommit: (commit) => commits.push(commit),
  })
  const { operations } = createWriter(db, {
    now: Date.now,
    elapsedMs: () => performance.now(),
    hint: (hint) => hints.add(hint),
    onEnd,
  })
  const { wipe } = createWiping(db)
  const inbox = createInbox(drain)
  let broken: ReceiverError | undefined

  function runGroup(group: readonly Waiting[]): void {
    const wasBroken = broken !== undefined
    const results = broken ? refuse(group, broken) : runAll(group)
    // After the commit: what is acknowledged was in its place when it was on disk.
    broken ??= findBroken(results) ?? findBrokenCheckpoint() ?? findGone()
    if (broken && !wasBroken) hints.add('failure')
    answer(group, broken ? refuse(group, broken) : results, (to) =>
      to === port ? commits.splice(0) : [],
    )
    for (const hint of hints) inbox.broadcast({ hint })
    hints.clear()
    if (!broken) checkpoints.runIfDue()
  }

  function runAll(group: readonly Waiting[]): StepResult<unknown>[] {
    const [first] = group
    return first && isAlone(first.operation)
      ? [runAlone(() => wipe(first.args[0] as WipeStep))]
      : runTogether(group.map(toStep), chooseSync(group))
  }

  function findBrokenCheckpoint(): ReceiverError | undefined {
    if (!checkpoints.isBroken()) return undefined
    return new ReceiverError('store_broken', { detail: 'A checkpoint could not be synced.' })
  }

  function findGone(): ReceiverError | undefined {
    const path = findMoved()
    return path === undefined ? undefined : new ReceiverError('store_gone', { detail: path })
  }

  function toStep({ operation, args }: Waiting) {
    const run = operations[operation as keyof typeof operations] as Operation
    return { run: () => run(...(args as never[])) }
  }

  function drain(): void {
    for (;;) {
      inbox.collect()
      const appends = inbox.takeAppends()
      const group = appends.length > 0 ? appends : inbox.takeWork()
      if (group.length === 0) return
      const closing = group.find(({ operation }) => operation === 'close')
      if (closing) return close(closing)
      runGroup(group)
    }
  }

  function close(closing: Waiting): void {
    checkpoints.end()
    db.close()
    lock.close()
    answer([closing], [{ value: undefined }])
    inbox.close()
  }

  inbox.addPort(port)
}

function chooseSync(group: readonly Waiting[]): Sync {
  return group.every(({ operation }) => REPEATABLE.has(operation)) ? 'NORMAL' : 'FULL'
}

function runAlone(run: () => unknown): StepResult<unknown> {
  try {
    return { value: run() }
  } catch (cause) {
    return { error: translateError(cause) }
  }
}

function refuse(group: readonly Waiting[], error: ReceiverError): StepResult<unknown>[] {
  return group.map(() => ({ error }))
}

function findBroken(results: readonly StepResult<unknown>[]): ReceiverError | undefined {
  const errors = results.flatMap((result) => ('error' in result ? [result.error] : []))
  return errors.find(({ code }) => code === 'store_broken')
}

/** Whoever hears that it failed may move the file or try again at once: nothing stays open. */
async function openFile(file: string): Promise<OpenFile> {
  const lock = await lockDataDirectory(dirname(file))
  try {
    const db = await openForWriting(file)
    const findMoved = rememberPlaces([file, `${file}-wal`, lockFileOf(dirname(file))])
    return { db, lock, checkpoints: createCheckpoints(db, file), findMoved }
  } catch (error) {
    lock.close()
    throw error
  }
}

if (parentPort) {
  const { file } = workerData as StoreThreadData
  try {
    serve(parentPort, await openFile(file))
    parentPort.postMessage({ isOpen: true } satisfies StoreNews)
  } catch (cause) {
    const error = cause instanceof ReceiverError ? cause : translateError(cause)
    parentPort.postMessage({ failure: toFailure(error) } satisfies StoreNews)
  }
}
