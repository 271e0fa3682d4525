import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { type CheckpointThreadData, prepareCheckpoint, SIGNAL } from './checkpoints.ts'
import { openForCheckpoints } from './open-database.ts'

/** Blocks its thread until the side that writes ends it. */
async function run({ file, signal }: CheckpointThreadData): Promise<void> {
  // Whoever let it go before this thread had begun does not want it back, empty.
  const db = existsSync(file) ? await openForCheckpoints(file) : undefined
  const checkpoint = db ? prepareCheckpoint(db) : () => 'good'
  for (;;) {
    const state = Atomics.load(signal, 0)
    if (state === SIGNAL.ENDING) break
    if (state === SIGNAL.DUE) {
      const next = checkpoint() === 'good' ? SIGNAL.IDLE : SIGNAL.BROKEN
      Atomics.compareExchange(signal, 0, SIGNAL.DUE, next)
      Atomics.notify(signal, 0)
    } else Atomics.wait(signal, 0, state)
  }
  db?.close()
  Atomics.store(signal, 0, SIGNAL.ENDED)
  Atomics.notify(signal, 0)
}

if (parentPort) await run(workerData as CheckpointThreadData)
