import type { ReceiverError } from '../../errors.ts'
import type { StartTimer } from '../../timers.ts'
import type { SpooledBatch } from '../local-journal.ts'
import type { Breaker } from './breaker.ts'
import type { SpoolFile } from './spool-file.ts'

/** Between attempts while the shared store is away, doubled up to the longest. */
const SHORTEST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 2_000

export interface DrainOptions {
  readonly file: SpoolFile
  readonly breaker: Breaker
  readonly startTimer: StartTimer
  readonly onDrained: (batch: SpooledBatch) => void
  readonly onRefused: (batch: SpooledBatch, error: ReceiverError) => void
  /** Nothing is left to do. */
  readonly onIdle: () => void
  /** Something is, but it has to wait. */
  readonly onPause: () => void
}

type Step = 'again' | 'idle' | 'failed'

/**
 * Moves batches from the spool to the shared store: one at a time, so that they stay in order and
 * live acknowledgements never queue behind them. While the store is away, the batch in hand is
 * what finds out that it is back.
 */
export function createDrain(options: DrainOptions) {
  const { file, breaker, startTimer, onDrained, onRefused, onIdle, onPause } = options
  let held: SpooledBatch | undefined
  let running: Promise<void> | undefined
  let endRest: ((cause: 'woken' | 'finishing') => void) | undefined
  let isWoken = false
  let isFinishing = false
  let isAbandoned = false

  async function step(): Promise<Step> {
    held ??= await file.take()
    if (isAbandoned) return 'failed'
    if (held) return moveToStore(held)
    if (!breaker.isWell() && (await breaker.probe())) return 'failed'
    if (!isAbandoned) await file.tidy()
    return 'idle'
  }

  async function moveToStore(batch: SpooledBatch): Promise<Step> {
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
        await rest()
      } else {
        onPause()
        await rest(pauseMs)
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  /** Until there is more to do; or so long, if something is to do now and has to wait. */
  function rest(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = ms === undefined ? () => {} : startTimer(ms, resolve)
      endRest = (cause) => {
        if (cause === 'woken' && ms !== undefined) return
        cancel()
        resolve()
      }
    })
  }

  return {
    start() {
      running = run()
    },
    /** A batch has come into the spool. */
    wake() {
      isWoken = true
      endRest?.('woken')
    },
    /** Resolves when nothing waits any more, or with `abandon`. */
    async finish() {
      isFinishing = true
      endRest?.('finishing')
      await running
    },
    /** Touches nothing any more. */
    abandon() {
      isAbandoned = true
      endRest?.('finishing')
    },
  }
}
