import { randomInt } from 'node:crypto'
import type { HeldWork } from '../store.ts'
import { type ColumnType, listOf, sendingRows } from './arrays.ts'
import { GIVEN_MS, NOW_MS } from './database-time.ts'
import { createFloors } from './floors.ts'
import { RolledBack, type TransactionPlan, type Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'off', timeoutMs: 10_000 }

/** Of runs that are opened before anybody has said how long it is. */
const FIRST_LEASE_MS = 60_000

/**
 * By each: what this taker has and knows nothing of, which is all but `$2`, is nobody's again. It was
 * never started, so that this was no opening of a run, and no attempt of a job.
 */
const LET_GO = {
  batches: `
    UPDATE batches SET leased_until = 0, taker = NULL
    WHERE is_open = 1 AND taker = $1 AND NOT (seq = ANY($2::bigint[]))`,
  runs: `
    UPDATE runs SET opened = greatest(0, opened - 1), leased_until = 0, taker = NULL
    WHERE open > 0 AND taker = $1 AND NOT (id = ANY($2::bigint[]))`,
  jobs: `
    UPDATE jobs SET running = 0, attempt = attempt - 1, due_at = ${NOW_MS}, taker = NULL
    WHERE state = 'pending' AND running = 1 AND taker = $1
      AND NOT (event || ' ' || handler = ANY($2))`,
} as const

/** Below `$1`, the end of the first lease, in so many milliseconds; of the handler `$2`, where there is one. */
const nextLapse = (rows: string) => `
  SELECT min(leased_until) - ${NOW_MS} AS ms FROM ${rows} AND leased_until > ${NOW_MS}`
const NEXT_LAPSE = {
  batches: nextLapse(`batches WHERE is_open = 1 AND seq < $1 AND $2 = ''`),
  runs: nextLapse('runs WHERE open > 0 AND id < $1 AND handler = $2'),
  // Jobs are in the order of their times: those that lapse are above where a look begins.
  jobs: undefined,
} as const

/** A row that was taken, by name and opening; `place` is where a look for it begins. */
interface Taken<Name> {
  readonly name: Name
  readonly place: number
  readonly fence?: number
}

/** What this engine has in its hands, by the database's clock, under a number that no other has. */
export type Leases = ReturnType<typeof createLeases>

export function createLeases(transactions: Transactions, elapsedMs: () => number) {
  const taker = randomInt(1, 2 ** 47)

  function createLeasesOf<Name extends number | string>(
    kind: keyof typeof LET_GO,
    type: ColumnType,
  ) {
    const floors = createFloors(elapsedMs)
    const held = createHoldings<Name>(async (but) => {
      await transactions.runOne(PLAN, LET_GO[kind], [taker, listOf(type, but)])
      floors.lower()
    })
    const lapse = NEXT_LAPSE[kind]
    const readLapse = (sql: string, values: readonly unknown[]) =>
      transactions.runOne<{ ms: number | null }>(PLAN, sql, values).then(
        ([row]) => row?.ms ?? undefined,
        // What was taken stays taken.
        () => undefined,
      )
    return {
      ...held,
      lowerFloor: floors.lower,
      /** Takes rows as `read` finds them from a place on, which is remembered for each handler. */
      take: <Row>(
        leaseMs: number,
        read: (from: number) => Promise<Row[]>,
        { handler = '', describe }: { handler?: string; describe: (row: Row) => Taken<Name> },
      ): Promise<Row[]> =>
        held.taking(async () => {
          const rows = await floors.of(handler).look<Row>({
            read,
            placeOf: (row) => describe(row).place,
            nextLapse:
              lapse === undefined ? undefined : (below) => readLapse(lapse, [below, handler]),
          })
          for (const row of rows) {
            const { name, fence } = describe(row)
            held.hold(name, leaseMs, fence)
          }
          return rows
        }),
    }
  }

  const kinds = {
    batches: createLeasesOf<number>('batches', 'bigint'),
    runs: createLeasesOf<number>('runs', 'bigint'),
    jobs: createLeasesOf<string>('jobs', 'text'),
  }
  return {
    taker,
    /** How long the newest batches were taken for. */
    ms: FIRST_LEASE_MS,
    ...kinds,
    /**
     * A server that ends forgets its newest commits, none of which is waited for here: what we have
     * ended may be in our hands again.
     */
    doubt(): void {
      for (const kind of Object.values(kinds)) kind.doubt()
    },
  }
}

/**
 * What this engine was handed and may still work on. Each lease carries the number of its taker; what
 * the database counts as ours and we know nothing of was in an answer that was lost with its
 * connection. It is let go before the next claim, instead of never: for its taker no lease ends.
 */
export function createHoldings<Name extends number | string = number>(
  /** Ends the leases of this engine but those of these names. */
  letGo: (but: readonly Name[]) => Promise<unknown>,
  /** Milliseconds of a clock that only goes forward. */
  now: () => number = () => performance.now(),
) {
  const held = new Map<Name, { readonly until: number; readonly fence: number }>()
  let underWay = 0
  let doubts = 0
  /** How many doubts there were when the last clearing began that came to an end. */
  let cleared = 0
  let clearing: Promise<void> | undefined
  const whenIdle: (() => void)[] = []

  const isIdle = async () => {
    if (underWay > 0) await new Promise<void>((resolve) => whenIdle.push(resolve))
  }

  async function clear(): Promise<void> {
    // What begins now waits for it, so that there is an end to what is under way.
    await isIdle()
    // What is doubted meanwhile is among the names that stay: it is for the next one.
    const before = doubts
    await letGo([...held.keys()])
    cleared = before
  }

  return {
    /**
     * Runs what takes leases and holds them. When it fails, nobody knows whether it took some: the next
     * one first lets go what is not held, once nothing else is under way.
     */
    async taking<Result>(take: () => Promise<Result>): Promise<Result> {
      // Nothing may come between the look and what is counted, or it would be let go as it is taken.
      while (doubts > cleared) {
        clearing ??= clear().finally(() => {
          clearing = undefined
        })
        await clearing
      }
      underWay++
      try {
        return await take()
      } catch (error) {
        if (!(error instanceof RolledBack)) doubts++
        throw error
      } finally {
        underWay--
        if (underWay === 0) for (const resolve of whenIdle.splice(0)) resolve()
      }
    },
    /** Ours until it is dropped. `fence` names which opening of it, where there are several. */
    hold: (name: Name, leaseMs: number, fence = 0) =>
      void held.set(name, { until: now() + leaseMs, fence }),
    /**
     * To be called before leases are extended; what it answers, once they were. The leases of these go
     * on, as far as they are still those of these openings. Others, whose leases had ended before, are
     * forgotten: whoever works on them would have named them.
     */
    renewal(named: readonly { readonly name: Name; readonly fence?: number }[], leaseMs: number) {
      const beganAt = now()
      const fences = new Map(named.map(({ name, fence = 0 }) => [name, fence]))
      const lapsed = [...held].filter(([name, { until, fence }]) => {
        return until <= beganAt && fences.get(name) !== fence
      })
      return () => {
        const until = now() + leaseMs
        for (const [name, fence] of fences) {
          if (held.get(name)?.fence === fence) held.set(name, { until, fence })
        }
        for (const [name, entry] of lapsed) {
          if (held.get(name) !== entry) continue
          held.delete(name)
          doubts++
        }
      }
    },
    /** Nobody here works on this opening of it any more. */
    drop(name: Name, fence = 0): void {
      if (held.get(name)?.fence === fence) held.delete(name)
    },
    /**
     * Drops what somebody else may have by now, and maybe nobody: we ourselves, in an answer that was
     * lost. Without a name: there may be anything of which we know nothing.
     */
    doubt(name?: Name): void {
      if (name !== undefined) held.delete(name)
      doubts++
    },
    /** Lets go all that is held, once nothing more is taken: nobody here works on it any more. */
    async letAllGo(): Promise<void> {
      await isIdle()
      if (held.size === 0) return
      held.clear()
      await letGo([])
    },
  }
}

export const nameOfJob = ({ event, handler }: { event: number; handler: string }): string =>
  `${event} ${handler}`

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
export async function extend(
  transactions: Transactions,
  leases: Leases,
  { batches, runs, jobs }: HeldWork,
  leaseMs: number,
): Promise<void> {
  const namedRuns = runs.map(({ run, fence }) => ({ name: run, fence }))
  const namedJobs = jobs.map((job) => ({ name: nameOfJob(job), fence: job.fence }))
  const renewals = [
    leases.batches.renewal(
      batches.map((name) => ({ name })),
      leaseMs,
    ),
    leases.runs.renewal(namedRuns, leaseMs),
    leases.jobs.renewal(namedJobs, leaseMs),
  ]
  if (batches.length + runs.length + jobs.length > 0) {
    await transactions.run(PLAN, async (query) => {
      await Promise.all([
        query(EXTEND_BATCHES, [listOf('bigint', batches), leaseMs, leases.taker]),
        query(EXTEND_RUNS, [...RUNS.lists(runs), leaseMs]),
        query(EXTEND_JOBS, [...JOBS.lists(jobs), leaseMs]),
      ])
    })
  }
  for (const renew of renewals) renew()
}
