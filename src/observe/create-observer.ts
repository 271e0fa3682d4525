import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import { createRequestCounts, tellOfRequests, tellOfUnpacking } from './batch-facts.ts'
import type { ObservedCounts } from './figures.ts'
import { type HandlerRecord, healthOf, tellOfAttempts, tellOfHandlers } from './handler-facts.ts'
import { type MetricSet, makeMetrics } from './metric-list.ts'
import type { Observer, ObserverListener } from './observer.ts'
import { tellOfAlerts, tellOfGuardian, tellOfPeople } from './people-facts.ts'
import { createRecentMinutes } from './recent-minutes.ts'
import { tellOfSpool, tellOfStore } from './store-facts.ts'
import { createTelling, type Spans } from './telling.ts'

interface ObserverOptions {
  readonly log: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Default: figures that nobody reads. */
  readonly metrics?: MetricSet
  /** Undefined: nobody wants traces. */
  readonly spans?: Spans | undefined
  /** Names of those that are known at the start. */
  readonly sources?: readonly string[]
  /** Hear of what happens after it was told. */
  readonly listeners?: readonly ObserverListener[]
}

/** What happens, one function for each fact: its log line, its figures and its span. */
export function createObserver(options: ObserverOptions): Observer {
  const { log, now, sources = [], listeners = [], spans } = options
  const metrics = options.metrics ?? makeMetrics(new Registry())
  const telling = createTelling({ log, metrics, spans }, now)
  const counts = createRequestCounts()
  const records = new Map<string, HandlerRecord>()
  const minutes = createRecentMinutes(now)

  const readCounts = () => ({
    received: Object.fromEntries(counts.received),
    refused: Object.fromEntries(counts.refused) as ObservedCounts['refused'],
    handlers: Object.fromEntries([...records].map(([name, record]) => [name, healthOf(record)])),
  })

  const observer: Observer = {
    ...tellOfRequests(telling, { sources, counts, minutes, now }),
    ...tellOfUnpacking(telling, sources),
    ...tellOfAttempts(telling, minutes),
    ...tellOfHandlers(telling, records),
    ...tellOfStore(telling),
    ...tellOfSpool(telling),
    ...tellOfPeople(telling),
    ...tellOfAlerts(telling),
    ...tellOfGuardian(telling),
    counts: readCounts,
    recent: minutes.read,
  }
  return neverThrowing(observer, listeners)
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
