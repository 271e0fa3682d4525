/**
 * Graphile Worker: bulk add with the event's id as the job's key, so that a repeated batch adds
 * nothing while the first waits. Settings are those of its own page on performance: 24 jobs at once,
 * a local queue of 500, completions written together. It deletes what is done.
 */
import { Logger, makeWorkerUtils, run } from 'graphile-worker'

const TASK = 'events'

const connectionString = process.env.JOBS_URL
// Else it tells a line of every job.
const logger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message)
})

export async function openQueue() {
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  let added = 0
  const countLeft = () =>
    utils.withPgClient(async (client) => {
      const sql = 'SELECT count(*)::int AS n FROM graphile_worker._private_jobs'
      return (await client.query(sql)).rows[0].n
    })
  return {
    add: async (events) => {
      const jobs = await utils.addJobs(
        events.map((event) => ({ identifier: TASK, payload: event, jobKey: event.event_id })),
      )
      added += jobs.length
    },
    countKept: async () => added,
    countRecorded: async () => added - (await countLeft()),
  }
}

export async function startWorker(handle) {
  const worker = {
    connectionString,
    logger,
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  }
  await run({
    preset: { worker },
    noHandleSignals: true,
    taskList: { [TASK]: (payload) => handle(payload) },
  })
}
