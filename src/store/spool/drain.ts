import type { ReceiverError } from '../../errors.ts'
import type { StartTimer } from '../../timers.ts'
import type { SpooledBatch } from './batch-files.ts'
import type { Breaker } from './breaker.ts'
import type { SpoolFolder } from './spool-folder.ts'

/** Between attempts while the shared store is away, doubled up to the longest. */
const SHORTEST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 2_000

export interface DrainOptions {
  readonly folder: SpoolFolder
  readonly breaker: Breaker
  readonly startTimer: StartTimer
  readonly onDrained: () => void
  readonly onRefused: (batch: SpooledBatch, error: ReceiverError) => void
  /** Nothing is left to do. */
  readonly onIdle: () => void
  /** Something is, but it has to wait. */
  readonly onPause: () => void
}

/**
 * Moves batches from the spool to the shared store: one at a time, so that they stay in order and
 * live acknowledgements never queue behind them. While the store is away, the batch in hand is
 * what finds out that it is back.
 */
export function createDrain(options: DrainOptions) {
  const { folder, breaker, startTimer, onDrained, onRefused, onIdle, onPause } = options
  let held: SpooledBatch | undefined
  let running: Promise<void> | undefined
  let isWoken = false
  let isFinishing = false
  let isAbandoned = false
  let isPaused = false
  let endRest = () => {}

  /** Until there is more to do; or for so long, also if there comes more. */
  async function rest(ms?: number): Promise<void> {
    isPaused = ms !== undefined
    await new Promise<void>((resolve) => {
      const cancel = ms === undefined ? () => {} : startTimer(ms, resolve)
      endRest = () => {
        cancel()
        resolve()
      }
    })
    isPaused = false
  }

  async function step(): Promise<'again' | 'idle' | 'failed'> {
    held ??= await folder.take()
    if (isAbandoned) return 'failed'
    if (!held) return breaker.isWell() || !(await breaker.probe()) ? 'idle' : 'failed'
    const error = await breaker.append(held)
    if (isAbandoned || (error && error.code !== 'store_refused')) return 'failed'
    if (error) {
      folder.leave()
      onRefused(held, error)
    } else {
      await folder.drop(held)
      onDrained()
    }
    held = undefined
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
      const isWell = await folder.mend()
      if (next === 'idle' && isWell) {
        if (isWoken) continue
        onIdle()
        if (isFinishing) return
        await rest()
      } else {
        onPause()
        await rest(pauseMs)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  return {
    start() {
      running = run()
    },
    /** A batch has come into the spool. */
    wake() {
      isWoken = true
      if (!isPaused) endRest()
    },
    /** Resolves when nothing waits any more, or with `abandon`. */
    async finish() {
      isFinishing = true
      endRest()
      await running
    },
    /** Touches nothing any more. */
    abandon() {
      isAbandoned = true
      endRest()
    },
  }
}
