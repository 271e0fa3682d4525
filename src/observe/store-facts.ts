import { tameText } from './log-text.ts'
import { METRICS } from './metric-list.ts'
import type { Observer, SpoolObserver } from './observer.ts'
import type { Telling } from './telling.ts'

type StoreFacts =
  | 'storeCommitted'
  | 'storeFailed'
  | 'storeRecovered'
  | 'upkeepFailed'
  | 'upkeepRecovered'
  | 'storeWarned'
  | 'pruneHeldBack'
  | 'pruned'
  | 'transactionsSeen'
  | 'transactionForgotten'

/** What happens to the store, and to the spool before it. */
export function tellOfStore({
  log,
  logSampled,
  metrics,
}: Telling): Pick<Observer, StoreFacts> & SpoolObserver {
  const storeFailures = metrics.counter(METRICS.storeFailures)
  const pruned = metrics.counter(METRICS.pruned)
  const heldBack = metrics.gauge(METRICS.heldBack)
  const oldestTransaction = metrics.gauge(METRICS.oldestTransaction)
  const commitTime = metrics.histogram(METRICS.commitTime)
  const syncTime = metrics.histogram(METRICS.syncTime)

  return {
    storeCommitted({ isDurable, durationMs, syncMs }) {
      commitTime.observe({ durable: String(isDurable) }, durationMs / 1_000)
      if (isDurable) syncTime.observe(syncMs / 1_000)
    },
    storeFailed({ code, detail }) {
      logSampled('error', 'store failed', { reason: code, detail: tameText(detail) })
      storeFailures.inc({ code })
    },
    storeRecovered() {
      log.info('store works again')
    },
    upkeepFailed({ detail }) {
      logSampled('error', 'background work of the store fails', {
        reason: 'background',
        detail: tameText(detail),
      })
      storeFailures.inc({ code: 'background' })
    },
    upkeepRecovered() {
      log.info('background work of the store goes well again')
    },
    storeWarned({ detail }) {
      logSampled('warn', tameText(detail), { reason: 'store' })
    },
    pruneHeldBack({ reason, clock, comparedWith }) {
      const [ours, theirs] = [clock, comparedWith].map((at) => new Date(at).toISOString())
      const fields = { reason, clock: ours, compared_with: theirs }
      logSampled('error', 'the clock may be wrong: nothing is forgotten by age', fields)
      heldBack.set(1)
    },
    pruned({ rows }) {
      log[rows > 0 ? 'info' : 'debug']({ rows }, 'old rows pruned')
      heldBack.set(0)
      pruned.inc(rows)
    },
    // One series at a time. Whose it is comes from those who may use the database, not from senders.
    transactionsSeen({ oldestMs, holder }) {
      const { pid = '', application = '' } = holder ?? {}
      const labels = { pid: String(pid), application: tameText(application) }
      oldestTransaction.reset()
      oldestTransaction.set(labels, oldestMs / 1_000)
    },
    transactionForgotten({ application, ...fact }) {
      const text = 'a transaction in the database is left open: vacuum waits, work gets slower'
      log.warn({ ...fact, application: tameText(application) }, text)
    },
    ...tellOfSpool({ log, logSampled, metrics }, storeFailures),
  }
}

function tellOfSpool(
  { log, logSampled, metrics }: Omit<Telling, 'spans'>,
  storeFailures: { inc(labels: { code: string }): void },
): SpoolObserver {
  const spoolFailures = metrics.counter(METRICS.spoolFailures)
  return {
    spoolBegan({ code, detail }) {
      const text = 'store takes no batches; they are kept in the spool'
      logSampled('error', text, { reason: code, detail: tameText(detail) })
      storeFailures.inc({ code })
    },
    spoolEnded({ waiting }) {
      log.info({ waiting }, 'store takes batches again')
    },
    spoolDrained(fact) {
      log.info(fact, 'spool is drained')
    },
    spoolFound(fact) {
      log.warn(fact, 'batches of an earlier run wait in the spool')
    },
    spoolRefused({ batch, detail }) {
      const text = 'store refuses a batch; it stays in the spool, and is tried again after a start'
      log.error({ batch, detail: tameText(detail) }, text)
    },
    spoolSetAside({ file, code, detail }) {
      const text = 'spool holds what cannot be read: it was moved aside, the others go on'
      log.error({ file, reason: code, detail: tameText(detail) }, text)
    },
    spoolFailed({ code, detail }) {
      const text = 'spool cannot keep batches; while the store is away, nothing is acknowledged'
      logSampled('error', text, { reason: code, detail: tameText(detail) })
      spoolFailures.inc({ code })
    },
    spoolRecovered() {
      log.info('spool can keep batches again')
    },
    spoolFilling(fact) {
      log.error(fact, 'disk of the spool is filling up')
    },
    spoolAtRisk(fact) {
      const text = 'spool is lost with its container; put DATA_DIR on a volume'
      log.warn(fact, text)
    },
    spoolLeft(fact) {
      const text = 'stopped with batches in the spool; they go on after a start with this DATA_DIR'
      log.error(fact, text)
    },
  }
}
