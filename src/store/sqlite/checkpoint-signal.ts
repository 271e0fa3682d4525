const IDLE = 0
const DUE = 1
const BROKEN = 2
const ENDING = 3
const ENDED = 4

/** A checkpoint writes some ten megabytes; a thread that takes longer to end is given up. */
const END_TIMEOUT_MS = 5_000

/**
 * One number that the thread that writes and the thread that checkpoints share. It is memory and
 * not messages because neither goes back to its event loop while it is busy.
 */
export type SharedSignal = Int32Array<SharedArrayBuffer>

export const createSignal = (): SharedSignal => new Int32Array(new SharedArrayBuffer(4))

/** The side that writes. */
export function askThrough(signal: SharedSignal) {
  return {
    isIdle: () => Atomics.load(signal, 0) === IDLE,
    isBroken: () => Atomics.load(signal, 0) === BROKEN,
    /** Asks for one checkpoint. */
    ask(): void {
      if (Atomics.compareExchange(signal, 0, IDLE, DUE) === IDLE) Atomics.notify(signal, 0)
    },
    /** Returns when the other thread has closed its connection. */
    end(): void {
      Atomics.wait(signal, 0, DUE, END_TIMEOUT_MS)
      Atomics.store(signal, 0, ENDING)
      Atomics.notify(signal, 0)
      Atomics.wait(signal, 0, ENDING, END_TIMEOUT_MS)
    },
  }
}

/** The side that checkpoints. Blocks its thread until the other side has called `end`. */
export function answerThrough(
  signal: SharedSignal,
  work: { checkpoint(): 'good' | 'broken'; close(): void },
): void {
  for (;;) {
    const state = Atomics.load(signal, 0)
    if (state === ENDING) break
    if (state === DUE) {
      const next = work.checkpoint() === 'good' ? IDLE : BROKEN
      Atomics.compareExchange(signal, 0, DUE, next)
      Atomics.notify(signal, 0)
    } else Atomics.wait(signal, 0, state)
  }
  work.close()
  Atomics.store(signal, 0, ENDED)
  Atomics.notify(signal, 0)
}
