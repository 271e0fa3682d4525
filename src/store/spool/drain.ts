import type { ReceiverError } from '../../errors.ts'
import type { OpenBatch } from '../store.ts'
import type { Breaker } from './breaker.ts'
import type { SpoolFile } from './spool-file.ts'
import type { StartTimer } from './within.ts'

/** Between attempts while the shared store is away, doubled up to the longest. */
const SHORTEST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 2_000

export interface DrainOptions {
  readonly file: SpoolFile
  readonly breaker: Breaker
  readonly startTimer: StartTimer
  readonly onDrained: (batch: OpenBatch) => void
  readonly onRefused: (batch: OpenBatch, error: ReceiverError) => void
  /** Nothing is left to do. */
  readonly onIdle: () => void
  /** Something is, but it has to wait. */
  readonly onPause: () => void
}

export interface Drain {
  start(): void
  /** A batch has come into the spool. */
  wake(): void
  /** Resolves when nothing waits any more, or with `abandon`. */
  finish(): Promise<void>
  /** Touches nothing any more. */
  abandon(): void
}

type Step = 'again' | 'idle' | 'failed'

/**
 * Moves batches from the spool to the shared store: one at a time, so that they stay in order and
 * live acknowledgements never queue behind them. While the store is away, the batch in hand is
 * what finds out that it is back.
 */
export function createDrain(options: DrainOptions): Drain {
  const { file, breaker, startTimer, onDrained, onRefused, onIdle, onPause } = options
  let held: OpenBatch | undefined
  let running: Promise<void> | undefined
  let endPause: ((cause: 'woken' | 'finishing') => void) | undefined
  let isWoken = false
  let isFinishing = false
  let isAbandoned = false

  async function step(): Promise<Step> {
    held ??= await file.take()
    if (isAbandoned) return 'failed'
    if (held) return moveToStore(held)
    if (breaker.failure() && (await breaker.probe())) return 'failed'
    if (!isAbandoned) await file.tidy()
    return 'idle'
  }

  async function moveToStore(batch: OpenBatch): Promise<Step> {
    const error = await breaker.append(batch)
    if (isAbandoned || (error && error.code !== 'store_refused')) return 'failed'
    held = undefined
    if (error) {
      file.leave()
      onRefused(batch, error)
    } else {
      await file.drop(batch)
      onDrained(batch)
    }
    return 'again'
  }

  async function run(): Promise<void> {
    let pauseMs = SHORTEST_PAUSE_MS
    while (!isAbandoned) {
      isWoken = false
      const next = await step()
      if (next === 'again') {
        pauseMs = SHORTEST_PAUSE_MS
        continue
      }
      if (isAbandoned) return
      const isWell = await file.mend()
      if (next === 'idle' && isWell) {
        if (isWoken) continue
        onIdle()
        if (isFinishing) return
        await sleep()
      } else {
        onPause()
        await pause(pauseMs)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  function sleep(): Promise<void> {
    return new Promise((resolve) => {
      endPause = () => resolve()
    })
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = startTimer(ms, resolve)
      endPause = (cause) => {
        if (cause === 'woken') return
        cancel()
        resolve()
      }
    })
  }

  return {
    start() {
      running = run()
    },
    wake() {
      isWoken = true
      endPause?.('woken')
    },
    async finish() {
      isFinishing = true
      endPause?.('finishing')
      await running
    },
    abandon() {
      isAbandoned = true
      endPause?.('finishing')
    },
  }
}
