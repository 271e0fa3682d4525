import { parentPort, workerData } from 'node:worker_threads'
import { createArchive } from './archive.ts'
import { translateError } from './driver.ts'
import { openForReading } from './open-database.ts'
import {
  answer,
  type StoreNews,
  type StoreRequest,
  type StoreThreadData,
  toFailure,
} from './requests.ts'
import type { Operation } from './writer.ts'

/** The thread that reads for people, so that a long search delays no write and no request. */
if (parentPort) {
  const port = parentPort
  const { file } = workerData as StoreThreadData
  try {
    const db = await openForReading(file)
    const archive = createArchive(db, Date.now)
    port.on('message', (request: StoreRequest) => {
      const waiting = { ...request, port }
      if (request.operation === 'close') {
        db.close()
        answer([waiting], [{ value: undefined }])
        port.close()
        return
      }
      try {
        const run = archive[request.operation as keyof typeof archive] as Operation
        answer([waiting], [{ value: run(...(request.args as never[])) }])
      } catch (cause) {
        answer([waiting], [{ error: translateError(cause) }])
      }
    })
    port.postMessage({ isOpen: true } satisfies StoreNews)
  } catch (cause) {
    port.postMessage({ failure: toFailure(translateError(cause)) } satisfies StoreNews)
  }
}
