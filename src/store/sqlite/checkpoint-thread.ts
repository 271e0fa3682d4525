import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { answerThrough, type SharedSignal } from './checkpoint-signal.ts'
import { translateError } from './driver.ts'
import { openForCheckpoints } from './open-database.ts'

const NOTHING = { checkpoint: () => 'good' as const, close: () => {} }

export interface CheckpointThreadData {
  readonly file: string
  readonly signal: SharedSignal
}

async function run({ file, signal }: CheckpointThreadData): Promise<void> {
  // Whoever let it go before this thread had begun does not want it back, empty.
  if (!existsSync(file)) return answerThrough(signal, NOTHING)
  const db = await openForCheckpoints(file)
  const statement = db.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  answerThrough(signal, {
    checkpoint() {
      try {
        statement.get()
        return 'good'
      } catch (error) {
        // Anything else, a full disk above all, is tried again at the next commit.
        return translateError(error).code === 'store_broken' ? 'broken' : 'good'
      }
    },
    close: () => db.close(),
  })
}

if (parentPort) await run(workerData as CheckpointThreadData)
