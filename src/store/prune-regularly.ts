import type { Observer } from '../observe/observer.ts'
import type { PruneRequest, Store } from './store.ts'

const HOUR_MS = 3_600_000

/** Between two small steps, so that pruning never gets in the way of events. */
const BREATH_MS = 20

export interface Retention {
  readonly retainEventsMs: number
  readonly retainDeadMs: number
  readonly retainKeysMs: number
}

/** Forgets by age: once at the start and then every hour, in small steps. */
export function pruneRegularly(
  store: Pick<Store, 'prune'>,
  options: {
    retention: Retention
    observer: Pick<Observer, 'pruned' | 'storeFailed'>
    now: () => number
  },
): { stop(): Promise<void> } {
  const { retention, observer, now } = options
  let hasStopped = false
  let timer: NodeJS.Timeout | undefined
  let running = run()

  async function run(): Promise<void> {
    try {
      const rows = await pruneAll(store, readLimits(retention, now()), {
        isStopped: () => hasStopped,
      })
      if (rows > 0) observer.pruned({ rows })
    } catch (error) {
      if (!hasStopped) observer.storeFailed({ code: 'prune', detail: String(error) })
    }
    if (hasStopped) return
    timer = setTimeout(() => {
      running = run()
    }, HOUR_MS)
    timer.unref()
  }

  return {
    async stop() {
      hasStopped = true
      clearTimeout(timer)
      await running
    },
  }
}

/** Forgets all that is older, in small steps; answers how many rows. */
export async function pruneAll(
  store: Pick<Store, 'prune'>,
  request: PruneRequest,
  options: { onProgress?: (rows: number) => void; isStopped?: () => boolean },
): Promise<number> {
  const { onProgress, isStopped = () => false } = options
  let rows = 0
  for (let isDone = false; !isDone && !isStopped(); ) {
    const receipt = await store.prune(request)
    rows += receipt.removed
    isDone = receipt.isDone
    onProgress?.(rows)
    if (!isDone) await new Promise((resolve) => setTimeout(resolve, BREATH_MS))
  }
  return rows
}

/** Always counted from receipt. */
export function readLimits(retention: Retention, now: number): PruneRequest {
  return {
    eventsBefore: now - retention.retainEventsMs,
    deadBefore: now - retention.retainDeadMs,
    keysBefore: now - retention.retainKeysMs,
  }
}
