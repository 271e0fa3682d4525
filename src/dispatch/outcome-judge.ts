import type { Observer } from '../observe/observer.ts'
import type { OpenRun, RunEvent } from '../store/store.ts'
import { type Holdings, isRun } from './holdings.ts'
import type { Portion, PortionEnd } from './process/page-ledger.ts'
import { decideOutcome, type FailedOutcome } from './retry-policy.ts'

/** Some never come back: another replica takes them, or they are erased. The oldest are forgotten. */
const MAX_SUSPECTS = 10_000
const MAX_TYPES = 100

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
  /** Of which an event has ended a process, until one is done. */
  readonly #types = new Set<string>()

  constructor(holdings: Holdings, context: JudgeContext) {
    this.#holdings = holdings
    this.#context = context
  }

  /** Whether it ends its process, most likely: it did, or another of its type. */
  readonly isSuspect = ({ event, type }: Pick<RunEvent, 'event' | 'type'>): boolean =>
    this.#suspects.has(event) || this.#types.has(type)

  take({ portion, done, doneMs, failed }: PortionEnd, delaysMs: readonly number[]): void {
    const { of, events } = portion
    if (done.length > 0) {
      if (portion.isAlone) for (const { type } of events) this.#types.delete(type)
      this.#holdings.noteDone(of, done, doneMs)
      if (isRun(of)) this.#tellDone(of, doneMs)
      else {
        this.#suspects.delete(of.event)
        this.#tell(portion, events[0], { durationMs: doneMs[0] ?? 0, outcome: { kind: 'done' } })
      }
    }
    for (const { event, durationMs, failure, hasEndedProcess } of failed) {
      const outcome = decideOutcome(portion.counted, failure, {
        delaysMs,
        random: this.#context.random,
      })
      if (outcome.kind === 'dead') this.#suspects.delete(event.event)
      else if (hasEndedProcess) this.#suspect(event.event)
      if (hasEndedProcess && this.#types.size < MAX_TYPES) this.#types.add(event.type)
      this.#holdings.noteFailed(of, { event: event.event, durationMs, outcome })
      this.#tell(portion, event, { durationMs, outcome })
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
    { of, attempt }: Portion,
    event: RunEvent | undefined,
    end: { durationMs: number; outcome: FailedOutcome | { readonly kind: 'done' } },
  ): void {
    const { durationMs, outcome } = end
    this.#context.observer.attemptEnded({
      handler: of.handler,
      batch: of.batch.id,
      attempt,
      event: String(event?.event),
      type: event?.type ?? '',
      outcome: outcome.kind,
      durationMs,
      error: 'error' in outcome ? outcome.error : undefined,
    })
  }
}
