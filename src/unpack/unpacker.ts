import type { ProviderName, Redaction } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { Provider } from '../providers/provider.ts'
import type { OpenBatch, Store } from '../store/store.ts'
import { createAlarm, type Timers } from './alarm.ts'
import { describeFailure } from './describe-failure.ts'
import type { Routes } from './make-event.ts'
import { unpackBatch } from './unpack-batch.ts'

export interface UnpackerOptions {
  readonly store: Pick<Store, 'takeBatch' | 'commitChunk' | 'probe' | 'onHint'>
  readonly providers: Readonly<Record<ProviderName, Provider>>
  readonly routes: Routes
  readonly redaction?: Redaction | undefined
  readonly log: Pick<Observer, 'batchUnpacked' | 'unpackFailed'>
  /** Milliseconds since 1970, or of any other clock that only goes forward. */
  now(): number
  /** How long a batch is ours before others may take it. */
  readonly leaseMs: number
  /** How long to wait before looking again when there was nothing to do and no hint came. */
  readonly idleMs: number
  /** Default: the platform's. */
  readonly timers?: Timers
}

export interface Unpacker {
  start(): void
  /** Resolves once the chunk under way is committed; no timer is left. */
  stop(): Promise<void>
}

const FIRST_BACK_OFF_MS = 100
const LAST_BACK_OFF_MS = 5000
/** Stands in the log for a failure before there was a batch. */
const NO_BATCH = 'none'

/** Unpacks batch after batch. No error ends it; only `stop` does. */
export function createUnpacker(options: UnpackerOptions): Unpacker {
  const { store, providers, log, now } = options
  const timers = options.timers ?? PLATFORM_TIMERS
  const idle = createAlarm(timers)
  const pause = createAlarm(timers)
  let isStopping = false
  let running: Promise<void> | undefined

  const control = {
    isStopping: () => isStopping,
    backOff: async (failures: number) => {
      await pause.wait(Math.min(FIRST_BACK_OFF_MS * 2 ** (failures - 1), LAST_BACK_OFF_MS))
    },
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!isStopping) {
      let batch: OpenBatch | undefined
      try {
        batch = await store.takeBatch(options.leaseMs)
        if (batch) await unpack(batch)
        else await idle.wait(options.idleMs)
        failures = 0
      } catch (error) {
        log.unpackFailed({ batch: batch?.id ?? NO_BATCH, error: describeFailure(error) })
        await control.backOff(++failures)
      }
    }
  }

  async function unpack(batch: OpenBatch): Promise<void> {
    const startedAt = now()
    const provider = providers[batch.provider]
    const receipt = await unpackBatch(batch, { ...options, ...control, provider })
    if (!receipt) return
    log.batchUnpacked({
      batch: batch.id,
      source: batch.source,
      durationMs: now() - startedAt,
      receipt,
    })
  }

  return {
    start() {
      if (running !== undefined) return
      const stopHints = store.onHint((hint) => {
        if (hint === 'batches') idle.ring()
      })
      running = run().finally(stopHints)
    },
    async stop() {
      isStopping = true
      idle.ring()
      pause.ring()
      await running
    },
  }
}

const PLATFORM_TIMERS: Timers = {
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}
