import type { Lanes, LaneWant } from '../dispatch/lanes.ts'
import type { Outcome } from '../model.ts'
import type { Observer } from '../observe/observer.ts'
import type { OpenRun, PageResult, Work, WorkStore } from '../store/store.ts'
import { POLL_MS } from './turns.ts'
import type { PreparedPage } from './unpacker.ts'

export interface ClaimsParts {
  readonly store: Pick<WorkStore, 'claimRuns' | 'claimJobs'>
  readonly lanes: Pick<
    Lanes,
    'wants' | 'hand' | 'failAll' | 'sleep' | 'wake' | 'wouldTake' | 'registrations'
  >
  readonly observer: Pick<Observer, 'runsCut'>
  readonly leaseMs: number
}

/** A run that was opened so often without an end is cut: one of its events may end the receiver. */
const MAX_OPENINGS = 3
/** Each of its open events becomes a job, alone. */
const CUT = {
  kind: 'alone',
  error: 'interrupted: the receiver ended each time while this was under way',
} as const

/** Hands out what waits in the store, and knows for which handlers something may wait there. */
export class Claims {
  readonly #parts: ClaimsParts
  /** Handlers of which the store may have open runs that are not in our hands. */
  readonly #backlogs = new Set<string>()
  #isUnderWay = false

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  /** Whether a run of this handler may go straight from unpacking to its process. */
  opens(handler: string, events: number, bytes: number): boolean {
    return !this.#backlogs.has(handler) && this.#parts.lanes.wouldTake(handler, events, bytes)
  }

  /** Jobs or runs may be due that nobody here knows of. */
  lookForWork(): void {
    const { lanes } = this.#parts
    for (const { name } of lanes.registrations()) this.#backlogs.add(name)
    lanes.wake()
  }

  /** Runs that are to be stored and not opened wait in the store, for when there is room. */
  notePrepared(prepared: readonly PreparedPage[]): void {
    for (const { page, shares } of prepared) {
      for (const handler of shares.keys()) {
        if (!page.opensFor.has(handler)) this.#noteBacklog(handler)
      }
    }
  }

  /** So do those that the store would not open, as their handler is paused. */
  noteStored(pages: readonly PageResult[]): void {
    for (const page of pages) {
      if (page.kind !== 'stored') continue
      for (const { handler, fence } of page.runs) if (fence === 0) this.#noteBacklog(handler)
    }
  }

  /** What was given back, or failed and is due soon, is not to wait until somebody looks. */
  noteEnded({ progress, jobs }: Pick<Work, 'progress' | 'jobs'>, wake: () => void): void {
    const { lanes } = this.#parts
    for (const { handler, isGivenBack } of progress) {
      if (isGivenBack) this.#noteBacklog(handler)
    }
    const note = (handler: string, outcome: Outcome) => {
      const delayMs = outcome.kind === 'retry' ? outcome.delayMs : 0
      if (outcome.kind === 'done' || outcome.kind === 'dead' || delayMs >= POLL_MS) return
      const timer = setTimeout(() => {
        lanes.wake(handler)
        wake()
      }, delayMs)
      timer.unref()
    }
    for (const { handler, failed } of progress) {
      for (const { outcome } of failed) note(handler, outcome)
    }
    for (const { handler, outcome } of jobs) note(handler, outcome)
  }

  #noteBacklog(handler: string): void {
    this.#backlogs.add(handler)
    this.#parts.lanes.wake(handler)
  }

  /** Two at once would claim for the same room. */
  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Claims for every handler that has room. Answers whether there was anything. */
  async handOut(): Promise<boolean> {
    const { lanes } = this.#parts
    let hasHanded = false
    this.#isUnderWay = true
    try {
      for (const want of lanes.wants()) {
        if (!(await this.#claim(want))) continue
        hasHanded = true
        // Once more: only when nothing is left may runs go straight from unpacking again.
        const more = lanes.wants().find(({ handler }) => handler === want.handler)
        if (more && this.#backlogs.has(want.handler)) await this.#claim(more)
      }
    } finally {
      this.#isUnderWay = false
    }
    return hasHanded
  }

  /** Answers whether there was anything. */
  async #claim(want: LaneWant): Promise<boolean> {
    const { store, lanes, leaseMs } = this.#parts
    const { handler } = want
    const request = { ...want, leaseMs }
    // Before it is asked: what is stored meanwhile, it may not have seen.
    const mayHaveRuns = this.#backlogs.delete(handler)
    try {
      // Each is handed before anything else is waited for: what nobody names as his is let go.
      const jobs = await store.claimJobs(request)
      lanes.hand(jobs)
      const claimed = mayHaveRuns ? await store.claimRuns(request) : []
      if (claimed.length > 0) this.#backlogs.add(handler)
      const isBroken = ({ opened }: OpenRun) => opened > MAX_OPENINGS
      lanes.hand(claimed.filter((run) => !isBroken(run)))
      for (const run of claimed.filter(isBroken)) this.#cut(run)
      const hasAny = claimed.length + jobs.length > 0
      if (!hasAny && !this.#backlogs.has(handler)) lanes.sleep(handler)
      return hasAny
    } catch (error) {
      if (mayHaveRuns) this.#backlogs.add(handler)
      throw error
    }
  }

  #cut(run: OpenRun): void {
    this.#parts.lanes.failAll(run, CUT)
    this.#parts.observer.runsCut({ handler: run.handler, events: run.events.length })
  }
}
