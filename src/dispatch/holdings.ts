import type {
  ClaimedJob,
  EndedJob,
  FailedEvent,
  HeldWork,
  OpenRun,
  RunProgress,
} from '../store/store.ts'
import type { Portion } from './process/page-ledger.ts'

/** What has ended and is to be recorded. */
export interface EndedWork {
  readonly progress: readonly RunProgress[]
  readonly jobs: readonly EndedJob[]
}

/** Numbers of events, so that nobody claims more than there is room for. */
export interface HeldFigures {
  /** That have not ended. */
  readonly events: number
  /** Of bodies and payloads that are kept for them. */
  readonly bytes: number
  /** That have ended and are not recorded. */
  readonly unrecorded: number
}

export type HeldPiece = OpenRun | ClaimedJob

export const isRun = (of: HeldPiece): of is OpenRun => 'run' in of

interface PieceState {
  /** Events that have not ended. */
  open: number
  readonly bytes: number
  /** Not recorded yet; undefined: nothing new. */
  fresh: { done: number[]; doneMs: number[]; failed: FailedEvent[] } | undefined
  /** Some of its events go back to the store, once nothing of it is under way here. */
  isGivenBack: boolean
}

/**
 * The runs and jobs that a lane was handed, until what became of them is recorded.
 *
 * In no Map, nor is anything else with content that comes and goes for each page or attempt in a Map or
 * Set: V8 chains each table that one of them has outgrown to the next. One table that got into old space
 * keeps all that was ever in those behind it: half of all events lived until the next full collection.
 */
export class Holdings {
  #pieces: HeldPiece[] = []
  readonly #states = new WeakMap<HeldPiece, PieceState>()
  #fresh = new Set<HeldPiece>()
  #taken: { work: EndedWork; events: number } | undefined
  #events = 0
  #bytes = 0
  #unrecorded = 0

  figures(): HeldFigures {
    return { events: this.#events, bytes: this.#bytes, unrecorded: this.#unrecorded }
  }

  get isEmpty(): boolean {
    return this.#pieces.length === 0
  }

  /** Of all that is in hands, ended ones included. */
  events(): number[] {
    const eventsOf = (of: HeldPiece) =>
      isRun(of) ? of.events.map(({ event }) => event) : [of.event]
    return this.#pieces.flatMap(eventsOf)
  }

  take(of: HeldPiece): Portion {
    const portion = isRun(of) ? ofRun(of) : ofJob(of)
    const open = portion.events.length
    const bytes = portion.body.length
    this.#pieces.push(of)
    this.#states.set(of, { open, bytes, fresh: undefined, isGivenBack: false })
    this.#events += open
    this.#bytes += bytes
    return portion
  }

  /** Takes the arrays, which may be given to nobody else. */
  noteDone(of: HeldPiece, done: number[], doneMs: number[]): void {
    const state = this.#note(of, done.length)
    if (state?.fresh) {
      state.fresh.done.push(...done)
      state.fresh.doneMs.push(...doneMs)
    } else if (state) state.fresh = { done, doneMs, failed: [] }
  }

  noteFailed(of: HeldPiece, failed: FailedEvent): void {
    const state = this.#note(of, 1)
    if (state?.fresh) state.fresh.failed.push(failed)
    else if (state) state.fresh = { done: [], doneMs: [], failed: [failed] }
  }

  /** These events are no more to be worked on here. */
  giveBack({ of, events }: Portion): void {
    const state = this.#note(of, events.length)
    if (!state) return
    state.isGivenBack = true
    state.fresh ??= { done: [], doneMs: [], failed: [] }
  }

  /**
   * What is to be recorded. As long as nobody has said that it is, the same again: what ends
   * meanwhile comes behind it.
   */
  takeEnded(): EndedWork {
    if (this.#taken) return this.#taken.work
    const progress: RunProgress[] = []
    const jobs: EndedJob[] = []
    for (const of of this.#fresh) {
      const state = this.#states.get(of) as PieceState
      if (isRun(of)) progress.push(toProgress(of, state))
      else jobs.push(toEndedJob(of, state))
      state.fresh = undefined
    }
    const work = { progress, jobs }
    if (this.#fresh.size > 0) {
      this.#taken = { work, events: this.#unrecorded }
      this.#fresh = new Set()
    }
    return work
  }

  /** What was taken last is recorded. */
  recorded(): void {
    if (!this.#taken) return
    this.#unrecorded -= this.#taken.events
    this.#taken = undefined
    this.#pieces = this.#pieces.filter((of) => {
      const { open, fresh } = this.#states.get(of) as PieceState
      return open > 0 || fresh !== undefined
    })
  }

  held(): Pick<HeldWork, 'runs' | 'jobs'> {
    const runs = this.#pieces.filter(isRun).map(({ run, fence }) => ({ run, fence }))
    const jobs = this.#pieces.flatMap((of) =>
      isRun(of) ? [] : [{ event: of.event, handler: of.handler, fence: of.fence }],
    )
    return { runs, jobs }
  }

  /** Nothing, when all of it has ended before. */
  #note(of: HeldPiece, events: number): PieceState | undefined {
    const state = this.#states.get(of)
    if (!state || state.open === 0) return undefined
    state.open -= events
    this.#events -= events
    this.#unrecorded += events
    if (state.open === 0) this.#bytes -= state.bytes
    this.#fresh.add(of)
    return state
  }
}

/** It is the first attempt that counts: those before were of openings that came to no end. */
function ofRun(of: OpenRun): Portion {
  const { body, events, opened } = of
  return { of, body, events, attempt: opened, counted: 1, isAlone: false }
}

function ofJob(of: ClaimedJob): Portion {
  const { event, payload, key, type, attempt, counted, isAlone } = of
  const events = [{ event, start: 0, bytes: payload.length, keys: key, keyAt: 0, type }]
  return { of, body: payload, events, attempt, counted, isAlone }
}

function toProgress(of: OpenRun, { fresh, isGivenBack, open }: PieceState): RunProgress {
  const { run, handler, fence, batch } = of
  const { done, doneMs, failed } = fresh as NonNullable<PieceState['fresh']>
  // As long as others of it are under way nobody else may open it.
  const isOver = isGivenBack && open === 0
  return { run, handler, fence, batch: batch.seq, done, doneMs, failed, isGivenBack: isOver }
}

function toEndedJob({ event, handler, fence }: ClaimedJob, { fresh }: PieceState): EndedJob {
  const [doneMs] = fresh?.doneMs ?? []
  const [failed] = fresh?.failed ?? []
  const job = { event, handler, fence }
  if (failed) return { ...job, durationMs: failed.durationMs, outcome: failed.outcome }
  if (doneMs !== undefined) return { ...job, durationMs: doneMs, outcome: { kind: 'done' } }
  return { ...job, durationMs: 0, outcome: { kind: 'released' } }
}
