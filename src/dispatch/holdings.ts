import type { Observer } from '../observe/observer.ts'
import type {
  ClaimedJob,
  EndedJob,
  FailedEvent,
  HeldWork,
  OpenRun,
  RunProgress,
} from '../store/store.ts'
import { isRun, type Portion, type PortionEnd } from './process/page-ledger.ts'
import { decideOutcome, type FailedOutcome } from './retry-policy.ts'

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

type HeldPiece = OpenRun | ClaimedJob

interface PieceState {
  /** Events that have not ended. */
  open: number
  readonly bytes: number
  /** Not recorded yet; undefined: nothing new. */
  fresh: { done: number[]; doneMs: number[]; failed: FailedEvent[] } | undefined
  /** Some of its events go back to the store, once nothing of it is under way here. */
  isGivenBack: boolean
}

/** The runs and jobs that a lane was handed, until what became of them is recorded. */
export class Holdings {
  readonly #pieces = new Map<HeldPiece, PieceState>()
  #fresh = new Set<HeldPiece>()
  #taken: { work: EndedWork; pieces: Set<HeldPiece>; events: number } | undefined
  #events = 0
  #bytes = 0
  #unrecorded = 0

  figures(): HeldFigures {
    return { events: this.#events, bytes: this.#bytes, unrecorded: this.#unrecorded }
  }

  get isEmpty(): boolean {
    return this.#pieces.size === 0
  }

  take(of: HeldPiece, isAlone = false): Portion {
    const portion = { of, events: isRun(of) ? of.events : [toRunEvent(of)], isAlone }
    const open = portion.events.length
    const bytes = isRun(of) ? of.body.length : of.payload.length
    this.#pieces.set(of, { open, bytes, fresh: undefined, isGivenBack: false })
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
      const state = this.#pieces.get(of) as PieceState
      if (isRun(of)) progress.push(toProgress(of, state))
      else jobs.push(toEndedJob(of, state))
      state.fresh = undefined
    }
    const work = { progress, jobs }
    if (this.#fresh.size > 0) {
      this.#taken = { work, pieces: this.#fresh, events: this.#unrecorded }
      this.#fresh = new Set()
    }
    return work
  }

  /** What was taken last is recorded. */
  recorded(): void {
    const { pieces = [], events = 0 } = this.#taken ?? {}
    this.#taken = undefined
    this.#unrecorded -= events
    for (const of of pieces) {
      const state = this.#pieces.get(of)
      if (state?.open === 0 && state.fresh === undefined) this.#pieces.delete(of)
    }
  }

  held(): Pick<HeldWork, 'runs' | 'jobs'> {
    const pieces = [...this.#pieces.keys()]
    const runs = pieces.filter(isRun).map(({ run, fence }) => ({ run, fence }))
    const jobs = pieces.flatMap((of) =>
      isRun(of) ? [] : [{ event: of.event, handler: of.handler, fence: of.fence }],
    )
    return { runs, jobs }
  }

  /** Nothing, when all of it has ended before. */
  #note(of: HeldPiece, events: number): PieceState | undefined {
    const state = this.#pieces.get(of)
    if (!state || state.open === 0) return undefined
    state.open -= events
    this.#events -= events
    this.#unrecorded += events
    if (state.open === 0) this.#bytes -= state.bytes
    this.#fresh.add(of)
    return state
  }
}

function toRunEvent({ event, payload, key, type }: ClaimedJob): OpenRun['events'][number] {
  return { event, start: 0, bytes: payload.length, keys: key, keyAt: 0, type }
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

/** Some never come back: another replica takes them, or they are erased. The oldest are forgotten. */
const MAX_SUSPECTS = 10_000

export interface JudgeContext {
  readonly observer: Pick<Observer, 'runProgressed' | 'attemptEnded'>
  readonly random: () => number
}

/** Decides what is recorded of what has ended, and tells the observer. */
export class OutcomeJudge {
  readonly #holdings: Holdings
  readonly #context: JudgeContext
  /** Events that have ended a process: until they are done or dead they run alone. */
  readonly #suspects = new Set<number>()

  constructor(holdings: Holdings, context: JudgeContext) {
    this.#holdings = holdings
    this.#context = context
  }

  isSuspect(event: number): boolean {
    return this.#suspects.has(event)
  }

  take({ portion, done, doneMs, failed }: PortionEnd, delaysMs: readonly number[]): void {
    const { of, events } = portion
    if (done.length > 0) {
      this.#holdings.noteDone(of, done, doneMs)
      if (isRun(of)) this.#tellDone(of, doneMs)
      else {
        this.#suspects.delete(of.event)
        this.#tell(of, events[0], { durationMs: doneMs[0] ?? 0, outcome: { kind: 'done' } })
      }
    }
    for (const { event, durationMs, failure, hasEndedProcess } of failed) {
      // Of a run it is the first that counts: those before were of openings that came to no end.
      const counted = isRun(of) ? 1 : of.counted
      const outcome = decideOutcome(counted, failure, { delaysMs, random: this.#context.random })
      if (outcome.kind === 'dead') this.#suspects.delete(event.event)
      else if (hasEndedProcess) this.#suspect(event.event)
      this.#holdings.noteFailed(of, { event: event.event, durationMs, outcome })
      this.#tell(of, event, { durationMs, outcome })
    }
  }

  #suspect(event: number): void {
    this.#suspects.add(event)
    const [oldest] = this.#suspects
    if (this.#suspects.size > MAX_SUSPECTS && oldest !== undefined) this.#suspects.delete(oldest)
  }

  #tellDone({ handler, batch }: OpenRun, doneMs: readonly number[]): void {
    const durationsMs = Uint16Array.from(doneMs)
    this.#context.observer.runProgressed({
      handler,
      batch: batch.id,
      done: doneMs.length,
      durationsMs,
    })
  }

  #tell(
    of: HeldPiece,
    event: Portion['events'][number] | undefined,
    end: { durationMs: number; outcome: FailedOutcome | { readonly kind: 'done' } },
  ): void {
    const { durationMs, outcome } = end
    this.#context.observer.attemptEnded({
      handler: of.handler,
      batch: of.batch.id,
      attempt: isRun(of) ? of.opened : of.attempt,
      event: String(event?.event),
      type: event?.type ?? '',
      outcome: outcome.kind,
      durationMs,
      error: 'error' in outcome ? outcome.error : undefined,
    })
  }
}
