import type { StoreCommit } from '../store/store.ts'
import { tameText } from './log-text.ts'
import type { Telling } from './telling.ts'

interface Failure {
  readonly code: string
  readonly detail: string
}

interface Detail {
  readonly detail: string
}

/** Whose a transaction is. */
interface Holder {
  readonly pid: number
  readonly application: string
}

/** What happens to the store. */
export function tellOfStore({ log, sampled, metrics }: Telling) {
  const count = ({ code }: Failure) => metrics.store_failures_total.inc({ code })
  const failInBackground = sampled('error', 'background work of the store fails', count)
  const tellOfClock = sampled('error', 'the clock may be wrong: nothing is forgotten by age')
  return {
    /** Only a figure: there are hundreds a second. */
    storeCommitted({ isDurable, durationMs, syncMs }: StoreCommit) {
      metrics.store_commit_seconds.observe({ durable: String(isDurable) }, durationMs / 1_000)
      if (isDurable) metrics.store_sync_seconds.observe(syncMs / 1_000)
    },
    storeFailed: sampled('error', 'store failed', count),
    storeRecovered: () => log.info('store works again'),
    /** What is done to it in the background fails again and again; it grows and becomes slow by that. */
    upkeepFailed: (fact: Detail) => failInBackground({ code: 'background', ...fact }),
    upkeepRecovered: () => log.info('background work of the store goes well again'),
    /** The store works, but somebody should look at it. */
    storeWarned: ({ detail }: Detail) => sampled('warn', tameText(detail))({ code: 'store' }),
    /** The clock may be wrong, so that nothing is forgotten by age. Times in milliseconds since 1970. */
    pruneHeldBack(fact: { reason: string; clock: number; comparedWith: number }) {
      const [clock, theirs] = [fact.clock, fact.comparedWith].map((at) =>
        new Date(at).toISOString(),
      )
      tellOfClock({ code: fact.reason, clock, compared_with: theirs })
      metrics.prune_held_back.set(1)
    },
    pruned({ rows }: { rows: number }) {
      log[rows > 0 ? 'info' : 'debug']({ rows }, 'old rows pruned')
      metrics.prune_held_back.set(0)
      metrics.pruned_rows_total.inc(rows)
    },
    /**
     * The oldest transaction of anybody in the database; `holder` only of one that takes long. One series at
     * a time: whose it is comes from those who may use the database, not from senders.
     */
    transactionsSeen({ oldestMs, holder }: { oldestMs: number; holder: Holder | undefined }) {
      const { pid = '', application = '' } = holder ?? {}
      const labels = { pid: String(pid), application: tameText(application) }
      metrics.database_oldest_transaction_seconds.reset()
      metrics.database_oldest_transaction_seconds.set(labels, oldestMs / 1_000)
    },
    /** It holds up vacuum, and so everything that looks through rows which change. */
    transactionForgotten({ application, ...fact }: Holder & { ageMs: number }) {
      const text = 'a transaction in the database is left open: vacuum waits, work gets slower'
      log.warn({ ...fact, application: tameText(application) }, text)
    },
  }
}

/** What happens to the spool, which keeps batches while a shared store cannot. */
export function tellOfSpool({ log, line, sampled, metrics }: Telling) {
  return {
    /** The store takes no batches; from now on they go to the spool. */
    spoolBegan: sampled<Failure>(
      'error',
      'store takes no batches; they are kept in the spool',
      ({ code }) => metrics.store_failures_total.inc({ code }),
    ),
    /** The store takes batches again; those in the spool follow. */
    spoolEnded: line<{ waiting: number }>('info', 'store takes batches again'),
    /** Nothing waits any more. `durationMs` since the first of them came, or since the start. */
    spoolDrained: line<{ batches: number; durationMs: number }>('info', 'spool is drained'),
    /** Batches of an earlier run were found at the start. */
    spoolFound: line<{ batches: number }>('warn', 'batches of an earlier run wait in the spool'),
    /** The store will never take this one; it stays in the spool, and those behind it go on. */
    spoolRefused: line<Detail & { batch: string }>(
      'error',
      'store refuses a batch; it stays in the spool, and is tried again after a start',
    ),
    /** What the spool has there cannot be read: it was moved to `file`, and the others go on. */
    spoolSetAside: line<Failure & { file: string }>(
      'error',
      'spool holds what cannot be read: it was moved aside, the others go on',
    ),
    /** The spool cannot keep batches: while the store is away too, they are answered 503. */
    spoolFailed: sampled<Failure>(
      'error',
      'spool cannot keep batches; while the store is away, nothing is acknowledged',
      ({ code }) => metrics.spool_failures_total.inc({ code }),
    ),
    spoolRecovered: () => log.info('spool can keep batches again'),
    /** Batches wait, and little room is left for more. */
    spoolFilling: line<{ usedPercent: number; waiting: number }>(
      'error',
      'disk of the spool is filling up',
    ),
    /** The spool's directory ends with its container. */
    spoolAtRisk: line<{ directory: string }>(
      'warn',
      'spool is lost with its container; put DATA_DIR on a volume',
    ),
    /** The receiver stops; these batches go on after the next start with the same directory. */
    spoolLeft: line<{ batches: number }>(
      'error',
      'stopped with batches in the spool; they go on after a start with this DATA_DIR',
    ),
  }
}
