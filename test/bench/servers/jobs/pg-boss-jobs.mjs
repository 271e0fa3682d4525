/**
 * pg-boss: bulk insert with the event's id as the job's, so that a repeated batch adds nothing;
 * workers that fetch, and complete, 500 at a time, and do not wait while there is more. Version 12
 * has another constructor, takes the queue apart from its jobs, and goes on by itself.
 */
import * as library from 'pg-boss'

const { PgBoss = library.default } = library
const isOld = library.PgBoss === undefined
const QUEUE = 'events'
const FETCHED_AT_ONCE = 500
const WORKERS = 2
/** The shortest that it takes; a worker that found a full batch does not wait for it. */
const POLL_SECONDS = 0.5

async function start(options) {
  const boss = new PgBoss({ connectionString: process.env.JOBS_URL, schedule: false, ...options })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(QUEUE)
  return boss
}

export async function openQueue() {
  const boss = await start({ supervise: false })
  const count = async (condition) => {
    const sql = `SELECT count(*)::int AS n FROM pgboss.job WHERE name = $1 ${condition}`
    return (await boss.getDb().executeSql(sql, [QUEUE])).rows[0].n
  }
  const insert = isOld ? (jobs) => boss.insert(jobs) : (jobs) => boss.insert(QUEUE, jobs)
  return {
    add: (events) =>
      insert(
        events.map((event) => ({
          id: event.event_id,
          data: event,
          ...(isOld && { name: QUEUE }),
        })),
      ),
    countKept: () => count(''),
    countRecorded: () => count(`AND state = 'completed'`),
  }
}

export async function startWorker(handle) {
  const boss = await start({})
  const settings = {
    batchSize: FETCHED_AT_ONCE,
    pollingIntervalSeconds: POLL_SECONDS,
    priority: false,
    ...(!isOld && { burstWhenBatchFull: true }),
  }
  for (let worker = 0; worker < WORKERS; worker++) {
    const id = await boss.work(QUEUE, settings, async (jobs) => {
      await Promise.all(jobs.map(({ data }) => handle(data)))
      if (isOld && jobs.length === FETCHED_AT_ONCE) boss.notifyWorker(id)
    })
  }
}
