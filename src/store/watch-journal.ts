import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'
import type { Journal, Store } from './store.ts'

/** How often a failing store is asked whether it writes again. */
const PROBE_MS = 1_000

/** A journal that knows how it is. */
export interface GuardedJournal extends Journal {
  /** `ok`, or what is wrong. */
  state(): string
  /** False while nothing could be kept. */
  canAcknowledge(): boolean
}

export interface WatchedJournal extends GuardedJournal {
  stop(): void
}

/**
 * The journal, with an eye on whether it can keep its promise. A failure is told once, then the
 * store is probed until it writes again; no request has to be the one that finds out. A store that
 * is broken for good is handed to `onBroken`.
 */
export function watchJournal(
  store: Pick<Store, 'append' | 'probe' | 'onHint'>,
  options: {
    observer: Pick<Observer, 'storeFailed' | 'storeRecovered'>
    onBroken: (error: ReceiverError) => void
  },
): WatchedJournal {
  const { observer, onBroken } = options
  let failure: ReceiverError | undefined
  let timer: NodeJS.Timeout | undefined
  let hasStopped = false

  function fail(cause: unknown): void {
    const error =
      cause instanceof ReceiverError ? cause : new ReceiverError('store_busy', { cause })
    if (hasStopped || error.code === 'store_refused') return
    if (!failure) observer.storeFailed({ code: error.code, detail: error.message })
    failure = error
    if (isForGood(error)) onBroken(error)
    else timer ??= setTimeout(probe, PROBE_MS)
  }

  async function probe(): Promise<void> {
    timer = undefined
    try {
      await store.probe()
      failure = undefined
      observer.storeRecovered()
    } catch (error) {
      fail(error)
    }
  }

  const stopHints = store.onHint((hint) => {
    if (hint === 'failure') void probe()
  })

  return {
    async append(batch) {
      try {
        await store.append(batch)
      } catch (error) {
        fail(error)
        throw error
      }
    },
    canAcknowledge: () => failure === undefined,
    state: () => failure?.code ?? 'ok',
    stop() {
      hasStopped = true
      stopHints()
      clearTimeout(timer)
    },
  }
}

/** Nobody has closed the store before this stops; if it is closed all the same, its thread has died. */
function isForGood({ code }: ReceiverError): boolean {
  return code === 'store_broken' || code === 'store_gone' || code === 'store_closed'
}
