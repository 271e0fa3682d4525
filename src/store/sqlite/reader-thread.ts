import { parentPort, workerData } from 'node:worker_threads'
import { createArchive } from '../archive/archive.ts'
import type { Archive } from '../store.ts'
import { answerCall, type Call, failCall } from '../thread-calls.ts'
import { translateError } from './driver.ts'
import { openForReading } from './open-database.ts'
import { createReadPort } from './reader.ts'

/** The thread that reads for people, so that a long search delays no write and no request. */
if (parentPort) {
  const port = parentPort
  try {
    const db = await openForReading(workerData.file as string)
    const reads = createReadPort(db, { now: Date.now, keysOf: () => [] })
    const run = (operation: keyof Archive, args: readonly unknown[]): Promise<unknown> => {
      const keys = operation === 'listEvents' ? (args[1] as readonly Uint8Array[]) : []
      const archive = createArchive({ ...reads, keysOf: () => keys })
      return (archive[operation] as (...given: never[]) => Promise<unknown>)(...(args as never[]))
    }

    port.on('message', ({ id, operation, args }: Call<keyof Archive | 'close'>) => {
      if (operation !== 'close') {
        run(operation, args).then(
          (value) => answerCall(port, id, value),
          (cause) => failCall(port, id, translateError(cause)),
        )
        return
      }
      // Reads come one after the other: what was asked before is answered.
      void reads
        .inSnapshot(() => {})
        .finally(() => {
          db.close()
          answerCall(port, id)
          port.close()
        })
    })
    answerCall(port, 0)
  } catch (cause) {
    failCall(port, 0, translateError(cause))
  }
}
