import type { HeldWork } from '../store.ts'
import { listOf, sendingRows } from './arrays.ts'
import { GIVEN_MS } from './database-time.ts'
import type { Holdings } from './holdings.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

/** In the order in which everything else locks, so that nobody waits for somebody who waits for him. */
const EXTEND_BATCHES = `
  WITH held AS (
    SELECT seq FROM batches WHERE seq = ANY($1::bigint[]) AND taker = $3 ORDER BY seq FOR UPDATE
  )
  UPDATE batches b SET leased_until = ${GIVEN_MS} + $2 FROM held WHERE b.seq = held.seq`
const RUNS = sendingRows<HeldWork['runs'][number]>({
  id: ['bigint', ({ run }) => run],
  fence: ['integer', ({ fence }) => fence],
})
const EXTEND_RUNS = `
  WITH held AS (
    SELECT r.id FROM runs r JOIN (${RUNS.select}) AS h ON h.id = r.id AND h.fence = r.fence
    WHERE r.leased_until > 0 ORDER BY r.id FOR UPDATE OF r
  )
  UPDATE runs r SET leased_until = ${GIVEN_MS} + $3 FROM held WHERE r.id = held.id`
const JOBS = sendingRows<HeldWork['jobs'][number]>({
  event: ['bigint', ({ event }) => event],
  handler: ['text', ({ handler }) => handler],
  fence: ['integer', ({ fence }) => fence],
})
const EXTEND_JOBS = `
  WITH held AS (
    SELECT j.id FROM jobs j JOIN (${JOBS.select}) AS h USING (event, handler)
    WHERE CASE WHEN j.state = 'pending' AND j.running = 1 AND j.fence = h.fence THEN true END
    ORDER BY j.event, j.handler FOR UPDATE OF j
  )
  UPDATE jobs j SET due_at = ${GIVEN_MS} + $4 FROM held WHERE j.id = held.id`

/** Puts off the ends of leases; of work that somebody else has by now, none. */
export function createExtending(
  transactions: Transactions,
  options: {
    readonly taker: number
    readonly heldRuns: Holdings
    readonly heldJobs: Holdings<string>
    readonly heldBatches: Holdings
  },
) {
  const { taker, heldRuns, heldJobs, heldBatches } = options

  async function extend({ batches, runs, jobs }: HeldWork, leaseMs: number): Promise<void> {
    const namedRuns = runs.map(({ run, fence }) => ({ name: run, fence }))
    const namedJobs = jobs.map(({ event, handler, fence }) => {
      return { name: `${event} ${handler}`, fence }
    })
    const namedBatches = batches.map((name) => ({ name }))
    const renewals = [
      heldBatches.renewal(namedBatches, leaseMs),
      heldRuns.renewal(namedRuns, leaseMs),
      heldJobs.renewal(namedJobs, leaseMs),
    ]
    if (batches.length + runs.length + jobs.length > 0) {
      await transactions.run(PLAN, async (query) => {
        await Promise.all([
          query(EXTEND_BATCHES, [listOf('bigint', batches), leaseMs, taker]),
          query(EXTEND_RUNS, [...RUNS.lists(runs), leaseMs]),
          query(EXTEND_JOBS, [...JOBS.lists(jobs), leaseMs]),
        ])
      })
    }
    for (const renew of renewals) renew()
  }

  return { extend }
}
