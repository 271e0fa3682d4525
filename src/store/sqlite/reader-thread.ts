import { parentPort, workerData } from 'node:worker_threads'
import { createArchive } from '../archive/archive.ts'
import type { Archive } from '../store.ts'
import { translateError } from './driver.ts'
import { openForReading } from './open-database.ts'
import { createReadPort, type ReadAnswer, type ReadCall } from './reader.ts'

/** The thread that reads for people, so that a long search delays no write and no request. */
if (parentPort) {
  const port = parentPort
  const answer = (id: number, value?: unknown) =>
    port.postMessage({ id, value } satisfies ReadAnswer)
  const fail = (id: number, cause: unknown) => {
    const { code, detail } = translateError(cause)
    port.postMessage({ id, failure: { code, detail } } satisfies ReadAnswer)
  }

  try {
    const db = await openForReading(workerData.file as string)
    const reads = createReadPort(db, { now: Date.now, keysOf: () => [] })
    const run = (operation: keyof Archive, args: readonly unknown[]): Promise<unknown> => {
      const keys = operation === 'listEvents' ? (args[1] as readonly Uint8Array[]) : []
      const archive = createArchive({ ...reads, keysOf: () => keys })
      return (archive[operation] as (...given: never[]) => Promise<unknown>)(...(args as never[]))
    }

    port.on('message', ({ id, operation, args }: ReadCall) => {
      if (operation !== 'close') {
        run(operation, args).then(
          (value) => answer(id, value),
          (cause) => fail(id, cause),
        )
        return
      }
      // What was asked before is read by then.
      db.close()
      answer(id)
      port.close()
    })
    answer(0)
  } catch (cause) {
    fail(0, cause)
  }
}
