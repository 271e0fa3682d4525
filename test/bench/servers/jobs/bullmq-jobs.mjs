/**
 * BullMQ: bulk add with the event's id as the job's, so that a repeated batch adds nothing; one
 * worker with so many jobs at once that their commands share ways to Redis and syncs.
 */
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'

const QUEUE = 'events'
const CONCURRENCY = 200

const connect = () => new Redis({ path: process.env.JOBS_URL, maxRetriesPerRequest: null })

export async function openQueue() {
  const queue = new Queue(QUEUE, { connection: connect() })
  await queue.waitUntilReady()
  return {
    add: (events) =>
      queue.addBulk(
        events.map((event) => ({
          name: event.event,
          data: event,
          opts: { jobId: event.event_id },
        })),
      ),
    countKept: () => queue.getJobCountByTypes('wait', 'active', 'completed', 'failed'),
    countRecorded: () => queue.getCompletedCount(),
  }
}

export async function startWorker(handle) {
  const worker = new Worker(QUEUE, ({ data }) => handle(data), {
    connection: connect(),
    concurrency: CONCURRENCY,
  })
  worker.on('error', (error) => console.error(error))
  await worker.waitUntilReady()
}
