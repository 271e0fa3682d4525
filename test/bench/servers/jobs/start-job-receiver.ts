import { copyFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findFreePort } from '../../../receive/find-free-port.ts'
import { SIGNING_SECRET } from '../../load/sample-batches.ts'
import type { OutcomeTarget } from '../../rounds/measure-outcomes.ts'
import { startServer } from '../server-process.ts'
import type { JobLibrary } from './job-libraries.ts'

/** The same receiver, written the usual way on a job library. */
export interface JobReceiver extends OutcomeTarget {
  /** Jobs in the library's store, whatever became of them. */
  countKept(): Promise<number>
}

export async function startJobReceiver(
  library: JobLibrary,
  place: { jobsUrl: string; folder: string; peersFolder?: string | undefined },
): Promise<JobReceiver> {
  const { jobsUrl, folder, peersFolder } = place
  const port = await findFreePort()
  const root = `http://127.0.0.1:${port}`
  const server = await startServer({
    args: [fileURLToPath(new URL('./job-receiver.mjs', import.meta.url))],
    env: {
      PORT: String(port),
      MAILTRAP_SIGNING_SECRET: SIGNING_SECRET,
      LIBRARY: findAdapter(library, peersFolder),
      JOBS_URL: jobsUrl,
    },
    readyUrl: `${root}/kept`,
    readyStatus: 200,
    logFile: `${folder}/${library}.log`,
  })
  const ask = async (path: string) => {
    const answer = await fetch(`${root}${path}`)
    if (!answer.ok) throw new Error(`${library}: ${path} answered ${answer.status}.`)
    return (await answer.json()) as number
  }
  const countKept = () => ask('/kept')
  const countDone = (expected: number) => ask(`/recorded?expected=${expected}`)
  return {
    ...server,
    port,
    countKept,
    countDone,
    async checkOutcomes(expected) {
      const found = { kept: await countKept(), done: await countDone(expected) }
      if (found.kept === expected && found.done === expected) return
      throw new Error(`${library}: of ${expected} events came ${JSON.stringify(found)}.`)
    },
  }
}

/** A copy beside another `node_modules` finds the libraries there. */
function findAdapter(library: JobLibrary, peersFolder: string | undefined): string {
  const adapter = new URL(`./${library}-jobs.mjs`, import.meta.url)
  if (peersFolder === undefined) return adapter.href
  const copy = resolve(peersFolder, `${library}-jobs.mjs`)
  copyFileSync(fileURLToPath(adapter), copy)
  return pathToFileURL(copy).href
}
