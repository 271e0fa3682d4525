import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, toFailure } from '../../thread-calls.ts'
import { createArchive } from '../archive/archive.ts'
import { translateError } from './driver.ts'
import { openForReading } from './open-database.ts'
import { createReadPort, type ReadCall } from './reader.ts'

async function open(file: string) {
  const db = await openForReading(file)
  return { db, reads: createReadPort(db, { now: Date.now, keysOf: () => [] }) }
}

/** The thread that reads for people, so that a long search delays no write and no request. */
if (parentPort) {
  const port = parentPort
  const opening = open(workerData.file as string)
  // Whoever asks is told.
  opening.catch(() => {})

  async function run({ operation, args }: ReadCall): Promise<unknown> {
    const { db, reads } = await opening
    if (operation === 'open') return undefined
    if (operation === 'close') return db.close()
    const keys = operation === 'listEvents' ? (args[1] as readonly Uint8Array[]) : []
    const archive = createArchive({ ...reads, keysOf: () => keys })
    return await (archive[operation] as (...given: never[]) => unknown)(...(args as never[]))
  }

  port.on('message', async (call: ReadCall) => {
    const { id } = call
    const answer = await run(call).then(
      (value): Answer => ({ id, value }),
      (cause): Answer => ({ id, failure: toFailure(translateError(cause)) }),
    )
    port.postMessage(answer)
  })
}
