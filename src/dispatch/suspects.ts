import type { ClaimedJob, Outcome } from '../model.ts'
import type { EndedJob } from './process/ended-job.ts'

/** Some never come back: another replica takes them, or they are erased. The oldest are forgotten. */
const MAX_SUSPECTS = 10_000

/**
 * The jobs of a handler that were under way when their process ended. Until they have ended
 * themselves they run alone, so that a process that ends again has one that is to blame.
 */
export class Suspects {
  readonly #events = new Set<string>()

  has({ event }: Pick<ClaimedJob, 'event'>): boolean {
    return this.#events.has(event)
  }

  split(jobs: readonly ClaimedJob[]): { suspects: ClaimedJob[]; others: readonly ClaimedJob[] } {
    if (this.#events.size === 0) return { suspects: [], others: jobs }
    const suspects = jobs.filter((job) => this.has(job))
    return { suspects, others: jobs.filter((job) => !this.has(job)) }
  }

  note({ job: { event }, isSuspect }: EndedJob, { kind }: Outcome): void {
    if (kind === 'done' || kind === 'dead') this.#events.delete(event)
    else if (isSuspect) this.#add(event)
  }

  #add(event: string): void {
    this.#events.add(event)
    const [oldest] = this.#events
    if (this.#events.size > MAX_SUSPECTS && oldest !== undefined) this.#events.delete(oldest)
  }
}
