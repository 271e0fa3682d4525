import { advanceRun, endsOfAll, type RunBits, UNREADABLE } from '../run-bits.ts'
import type { FailedEvent, RunProgress } from '../store.ts'
import type { Bodies, StoredBody } from './bodies.ts'
import type { Counters } from './counters.ts'
import type { Database } from './driver.ts'
import type { Jobs } from './jobs.ts'
import type { Held } from './transactions.ts'

const NO_BYTES = new Uint8Array()

export interface RunRow extends RunBits {
  readonly id: number
  readonly batch: number
  readonly handler: string
  readonly open: number
  readonly fence: number
  readonly opened: number
  readonly opened_at: number | null
  readonly timings: Uint8Array | null
}

/** How events of runs end: as bits, or as jobs. Every end names the opening of its run. All within a transaction. */
export function createRunEnds(
  db: Database,
  parts: {
    readonly held: Held<number>
    readonly counters: Counters
    readonly bodies: Bodies
    readonly jobs: Jobs
  },
) {
  const { held, counters, bodies, jobs } = parts
  const select = db.prepare('SELECT * FROM runs WHERE id = ?')
  const update = db.prepare(
    'UPDATE runs SET done = ?, failed = ?, open = ?, timings = ? WHERE id = ?',
  )
  const giveBack = db.prepare(
    'UPDATE runs SET opened = max(0, opened - 1) WHERE id = ? AND open > 0',
  )
  const selectPlace = db.prepare('SELECT start, bytes FROM events WHERE id = ?')

  /** Answers how many outcomes came too late. */
  function record(progress: RunProgress, now: number): number {
    const { run, fence, isGivenBack, done, failed } = progress
    const row = select.get(run) as RunRow | undefined
    // Nobody asks for an answer to a run that was only given back, unless somebody else has it.
    const tooLate = Math.max(1, done.length + failed.length)
    if (row && row.fence !== fence) return tooLate
    const isHeld = held.fenceOf(run) === fence
    if (isGivenBack || !row) held.letGo(run, fence)
    if (!row) return done.length + failed.length
    const hasEnds = done.length + failed.length > 0
    const refused = hasEnds ? recordEnds(row, progress, now) : 0
    // Once, though it be told again.
    if (isGivenBack && isHeld) giveBack.run(run)
    return refused
  }

  /** Answers how many outcomes were none of what is open. */
  function recordEnds(row: RunRow, ends: Parameters<typeof advanceRun>[1], now: number): number {
    const { run, done, failed } = advanceRun(row, ends, now - (row.opened_at ?? now))
    update.run(run.done, run.failed, run.open, run.timings, row.id)
    counters.add(`done:${row.handler}`, done)
    addJobs(row, failed, now)
    if (run.open === 0) held.letGo(row.id, row.fence)
    return ends.done.length + ends.failed.length - done - failed.length
  }

  /** Each gets its bytes, or is dead where they are damaged. */
  function addJobs(row: RunRow, failures: readonly FailedEvent[], now: number): void {
    if (failures.length === 0) return
    const stored = bodies.read(row.batch)
    for (const failure of failures) {
      const { handler, opened } = row
      const place = selectPlace.get(failure.event) as { start: number; bytes: number } | undefined
      if (stored.kind === 'whole' && place) {
        const payload = stored.body.subarray(place.start, place.start + place.bytes)
        jobs.add({ ...failure, handler, opened, payload }, now)
      } else {
        const isDead = failure.outcome.kind === 'dead'
        const outcome = isDead ? failure.outcome : readOutcome(stored.kind)
        jobs.add({ ...failure, outcome, handler, opened, payload: NO_BYTES }, now)
      }
    }
  }

  return {
    record,
    /** What is open cannot be handed out: its events are dead, and say why. */
    endUnreadable: (row: RunRow, { kind }: StoredBody, now: number) =>
      void recordEnds(row, endsOfAll(row, readOutcome(kind)), now),
  }
}

export type RunEnds = ReturnType<typeof createRunEnds>

const readOutcome = (kind: StoredBody['kind']) => UNREADABLE[kind === 'damaged' ? kind : 'gone']
