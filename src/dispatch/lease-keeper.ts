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
}

/**
 * Extends the leases of all attempts in our hands, three times in a lease, so that two rounds may
 * fail. Answers a function that ends it.
 */
export function keepLeases({ store, watch, leaseMs, attempts }: LeaseKeeping): () => void {
  let isBusy = false
  const extendAll = async () => {
    if (isBusy) return
    isBusy = true
    try {
      const all = Array.from(attempts(), ({ event, handler, attempt, fence }) => ({
        event,
        handler,
        attempt,
        fence,
      }))
      for (let from = 0; from < all.length; from += MAX_PER_CALL) {
        await store.extend(all.slice(from, from + MAX_PER_CALL), leaseMs)
      }
    } catch (error) {
      watch.failed(error)
    }
    isBusy = false
  }
  const timer = setInterval(() => void extendAll(), leaseMs / 3)
  return () => clearInterval(timer)
}
