import type { AttemptName } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { StoreWatch } from './store-watch.ts'

const MAX_PER_CALL = 500

export interface LeaseKeeping {
  readonly store: Pick<Store, 'extend'>
  readonly watch: StoreWatch
  readonly leaseMs: number
  /** Attempts whose lease is ours. */
  readonly attempts: () => Iterable<AttemptName>
  /** Milliseconds of a clock that only goes forward, also while this process stands still. */
  readonly now: () => number
}

/** Extends the leases of all attempts in our hands, three times in a lease. */
export interface LeaseKeeper {
  start(): void
  /**
   * Resolves once every attempt in our hands is ours for a while, at once unless rounds have failed
   * or the process stood still. Whoever claims without it may be given what he already has. Rejects
   * like the store.
   */
  secure(): Promise<void>
  stop(): void
}

export function createLeaseKeeper(keeping: LeaseKeeping): LeaseKeeper {
  const { store, watch, leaseMs, attempts, now } = keeping
  const everyMs = leaseMs / 3
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> | undefined
  /** What was in our hands then is ours for a lease from then on, and so is what came later. */
  let securedAt = now()

  async function extendAll(): Promise<void> {
    const beganAt = now()
    const all = Array.from(attempts(), ({ event, handler, attempt, fence }) => ({
      event,
      handler,
      attempt,
      fence,
    }))
    for (let from = 0; from < all.length; from += MAX_PER_CALL) {
      await store.extend(all.slice(from, from + MAX_PER_CALL), leaseMs)
    }
    securedAt = beganAt
  }

  function extend(): Promise<void> {
    round ??= extendAll().finally(() => {
      round = undefined
    })
    return round
  }

  return {
    start() {
      timer = setInterval(() => void extend().catch(watch.failed), everyMs)
    },
    async secure() {
      while (now() - securedAt > 2 * everyMs) await extend()
    },
    stop() {
      clearInterval(timer)
    },
  }
}
