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
      const rows = await pruneAll(readLimits(retention, now()))
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

  async function pruneAll(request: PruneRequest): Promise<number> {
    let rows = 0
    for (let isDone = false; !isDone && !hasStopped; ) {
      const receipt = await store.prune(request)
      rows += receipt.removed
      isDone = receipt.isDone
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, BREATH_MS))
    }
    return rows
  }

  return {
    async stop() {
      hasStopped = true
      clearTimeout(timer)
      await running
    },
  }
}

/** Always counted from receipt. */
function readLimits(retention: Retention, now: number): PruneRequest {
  return {
    eventsBefore: now - retention.retainEventsMs,
    deadBefore: now - retention.retainDeadMs,
    keysBefore: now - retention.retainKeysMs,
  }
}
