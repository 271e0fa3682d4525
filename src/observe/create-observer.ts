import type { Logger } from 'pino'
import { coarseAddress } from '../coarse-address.ts'
import { ReceiverError } from '../errors.ts'
import type { ChunkReceipt } from '../store/store.ts'
import { boundFields, tameText } from './log-text.ts'
import { observeGuardian } from './observe-guardian.ts'
import { type LogSampled, observeSpool } from './observe-spool.ts'
import {
  type HandlerHealth,
  type Observer,
  type ObserverListener,
  REFUSAL_REASONS,
  type RefusalReason,
  type ReplayFilter,
} from './observer.ts'
import { createRecentMinutes } from './recent-minutes.ts'
import { createSampler } from './sampler.ts'

/** Lines a second and kind, of what strangers or a full disk could make endless. */
const LINES_PER_SECOND = 5

/**
 * What happens, as log lines and counts. `now` is milliseconds since 1970. Listeners hear of it
 * after the log.
 */
export function createObserver(options: {
  log: Logger
  now: () => number
  listeners?: readonly ObserverListener[]
}): Observer {
  const { log, now, listeners = [] } = options
  const sampler = createSampler({ now, perSecond: LINES_PER_SECOND })
  const counters = createCounters()
  const minutes = createRecentMinutes(now)

  /** At most a few lines a second of one text and reason; the next tells how many were left out. */
  const logSampled: LogSampled = (level, text, fields) => {
    const suppressed = sampler.admit(`${text}: ${fields.reason}`)
    if (suppressed === undefined) return
    log[level](suppressed > 0 ? { ...fields, suppressed } : fields, text)
  }

  const observer: Observer = {
    batchReceived({ secretPosition, ...fact }) {
      counters.countReceived(fact.source)
      minutes.noteAck(fact.ackMs)
      log.info(secretPosition > 0 ? { ...fact, secretPosition } : fact, 'batch received')
    },
    requestRefused({ source, reason, status, address, detail }) {
      counters.countRefused(reason)
      logSampled(reason === 'internal' ? 'error' : 'warn', 'request refused', {
        source,
        reason,
        status,
        network: address === undefined ? undefined : coarseAddress(address),
        detail: detail === undefined ? undefined : tameText(detail),
      })
    },
    batchUnpacked({ receipt: { types, ...totals }, ...fact }) {
      const level = needsALook(totals) ? 'warn' : 'debug'
      log[level]({ ...fact, ...totals }, 'batch unpacked')
    },
    unpackFailed({ batch, error }) {
      log.error(
        { batch, error: tameText(error) },
        'batch could not be unpacked; it will be tried again',
      )
    },
    attemptEnded({ outcome, error, ...fact }) {
      if (outcome !== 'released') minutes.noteAttempt(fact.handler, outcome)
      const fields = error === undefined ? fact : { ...fact, error: tameText(error) }
      if (outcome === 'dead') log.error(fields, 'job is dead; replay it when its cause is mended')
      else if (outcome === 'retry') log.warn(fields, 'attempt failed; the job will be tried again')
      else log.debug(fields, `attempt ${outcome}`)
    },
    handlerStarted(fact) {
      counters.handlerStarted(fact.handler, fact.pid)
      log.info(fact, 'handler process started')
    },
    handlerEnded({ handler, pid, reason, isPlanned }) {
      const text = tameText(reason)
      counters.handlerEnded(handler, pid, isPlanned ? undefined : text)
      log[isPlanned ? 'info' : 'error']({ handler, pid, reason: text }, 'handler process ended')
    },
    handlerForgotten: ({ handler }) => counters.handlerForgotten(handler),
    handlerWrote({ handler, level, text, fields }) {
      const about = fields ? { handler, fields: boundFields(fields) } : { handler }
      log[level](about, `[${handler}] ${tameText(text)}`)
    },
    handlerOutputDropped(fact) {
      log.warn(fact, 'handler wrote too much; lines dropped')
    },
    storeCommitted() {},
    storeFailed({ code, detail }) {
      logSampled('error', 'store failed', { reason: code, detail: tameText(detail) })
    },
    storeRecovered() {
      log.info('store works again')
    },
    pruned({ rows }) {
      log[rows > 0 ? 'info' : 'debug']({ rows }, 'old rows pruned')
    },
    tracesFailed({ detail }) {
      logSampled('warn', 'traces are lost', { reason: 'traces', detail: tameText(detail) })
    },
    adminFailed({ route, error }) {
      const reason = error instanceof ReceiverError ? error.code : nameOf(error)
      logSampled('error', 'admin listener failed to answer', { reason, route, err: error })
    },
    replayed({ address, filter, jobs }) {
      const fields = { network: coarseAddress(address), filter: describeFilter(filter), jobs }
      log.info(fields, 'jobs made pending again')
    },
    erased({ address, ...counts }) {
      log.info({ network: coarseAddress(address), ...counts }, 'a person was erased')
    },
    handlerPaused({ address, handler, isPaused }) {
      const fields = { network: coarseAddress(address), handler }
      log.info(fields, isPaused ? 'handler paused' : 'handler resumed')
    },
    pieceRequeued({ address, ...fact }) {
      log.info({ network: coarseAddress(address), ...fact }, 'quarantined piece is read again')
    },
    signedIn({ address, isRight }) {
      const fields = { reason: 'password', network: coarseAddress(address) }
      if (isRight) log.info(fields, 'signed in')
      else logSampled('warn', 'sign-in refused', fields)
    },
    ...observeSpool(log, logSampled),
    ...observeGuardian(log, logSampled),
    counts: counters.read,
    recent: minutes.read,
  }
  return neverThrowing(observer, listeners)
}

interface HandlerRecord {
  /** Two, while one takes the place of another. */
  readonly pids: readonly number[]
  readonly starts: number
  readonly lastProblem?: string | undefined
}

const NEVER_STARTED: HandlerRecord = { starts: 0, pids: [] }

function needsALook({ quarantined, conflicts, stale }: Omit<ChunkReceipt, 'types'>): boolean {
  return quarantined + conflicts + stale > 0
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** A type is text of strangers, and may be anything. */
function describeFilter({ from, to, ...texts }: ReplayFilter): Record<string, string> {
  const tamed = Object.entries(texts).map(([name, text]) => [name, tameText(text)])
  const times = Object.entries({ from, to }).flatMap(([name, time]) =>
    time === undefined ? [] : [[name, new Date(time).toISOString()]],
  )
  return Object.fromEntries([...tamed, ...times])
}

function createCounters() {
  const received = new Map<string, number>()
  const refused = new Map<RefusalReason, number>(REFUSAL_REASONS.map((reason) => [reason, 0]))
  const handlers = new Map<string, HandlerRecord>()

  return {
    countReceived(source: string) {
      received.set(source, (received.get(source) ?? 0) + 1)
    },
    countRefused(reason: RefusalReason) {
      refused.set(reason, (refused.get(reason) ?? 0) + 1)
    },
    handlerStarted(handler: string, pid: number) {
      const { starts, pids, ...record } = handlers.get(handler) ?? NEVER_STARTED
      handlers.set(handler, { ...record, starts: starts + 1, pids: [...pids, pid] })
    },
    handlerEnded(handler: string, pid: number | undefined, problem: string | undefined) {
      // A module that cannot be loaded ends without ever having started.
      const { starts, pids, lastProblem } = handlers.get(handler) ?? NEVER_STARTED
      handlers.set(handler, {
        starts,
        pids: pids.filter((one) => one !== pid),
        lastProblem: problem ?? lastProblem,
      })
    },
    handlerForgotten(handler: string) {
      if (handlers.get(handler)?.pids.length === 0) handlers.delete(handler)
    },
    read() {
      return {
        received: Object.fromEntries(received),
        refused: Object.fromEntries(refused) as Record<RefusalReason, number>,
        handlers: Object.fromEntries(
          [...handlers].map(([name, record]) => [name, healthOf(record)]),
        ),
      }
    },
  }
}

function healthOf({ pids, starts, lastProblem }: HandlerRecord): HandlerHealth {
  return { running: pids.length > 0, restarts: Math.max(0, starts - 1), lastProblem }
}

/** Watching must never harm what is watched, nor one listener another. */
function neverThrowing(observer: Observer, listeners: readonly ObserverListener[]): Observer {
  const names = Object.keys(observer) as (keyof ObserverListener)[]
  const guarded = names.map((name) => {
    const tellers = [observer, ...listeners].flatMap((one) => one[name] ?? [])
    return [name, (fact: never) => tellAll(tellers, fact)]
  })
  return { ...Object.fromEntries(guarded), counts: observer.counts, recent: observer.recent }
}

function tellAll(tellers: readonly ((fact: never) => void)[], fact: never): void {
  for (const tell of tellers) {
    try {
      tell(fact)
    } catch {
      // Whoever cannot listen misses it.
    }
  }
}
