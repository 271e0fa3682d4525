import { ReceiverError } from '../errors.ts'
import type { Observer } from '../observe/observer.ts'

/** Whether the store works, as far as this thread knows. */
export interface HealthState {
  /** Undefined: it works. */
  readonly failure: ReceiverError | undefined
  /** Since when it has failed; milliseconds since 1970. */
  readonly since: number | undefined
}

export interface Health {
  state(): HealthState
  /** An operation was refused or got no answer. What is refused for its content is no failure of the store. */
  failed(error: unknown): void
  succeeded(): void
  stop(): void
}

/** How often a failing store is asked whether it writes again. */
const PROBE_MS = 1_000

/**
 * The one tracker of a store's health. A failure is told once, then the store is probed until it
 * writes again; no request has to be the one that finds out. `onChange` hears of every change.
 */
export function createHealth(options: {
  readonly probe: () => unknown
  readonly observer: Pick<Observer, 'storeFailed' | 'storeRecovered'>
  readonly onChange: (state: HealthState) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}): Health {
  const { probe, observer, onChange, now } = options
  let state: HealthState = { failure: undefined, since: undefined }
  let timer: NodeJS.Timeout | undefined
  let hasStopped = false

  function failed(cause: unknown): void {
    const error =
      cause instanceof ReceiverError ? cause : new ReceiverError('store_busy', { cause })
    if (hasStopped || error.code === 'store_refused') return
    if (!state.failure) observer.storeFailed({ code: error.code, detail: error.message })
    const isNews = state.failure?.code !== error.code
    state = { failure: error, since: state.since ?? now() }
    if (isNews) onChange(state)
    if (!error.known.endsProcess) timer ??= setTimeout(tryAgain, PROBE_MS)
  }

  function succeeded(): void {
    if (!state.failure || state.failure.known.endsProcess) return
    clearTimeout(timer)
    timer = undefined
    state = { failure: undefined, since: undefined }
    observer.storeRecovered()
    onChange(state)
  }

  async function tryAgain(): Promise<void> {
    timer = undefined
    try {
      await probe()
      succeeded()
    } catch (error) {
      failed(error)
    }
  }

  return {
    state: () => state,
    failed,
    succeeded,
    stop() {
      hasStopped = true
      clearTimeout(timer)
    },
  }
}
