import { createHistogram } from 'node:perf_hooks'
import type { Answer } from '../../simulator/create-poster.ts'
import type { OutgoingBatch } from '../../simulator/pack-batch.ts'
import type { SendReport } from './send-report.ts'

/** Counts answers in bounded memory, however many. */
export class SendTally {
  readonly #latencies = createHistogram()
  readonly #answers: Record<string, number> = {}
  #batches = 0
  #silent = 0
  #events: number | null = 0
  #bytes = 0
  #lastOk = ''
  #lastOther = ''

  get batches(): number {
    return this.#batches
  }

  /** Null when nobody counted them. */
  get events(): number | null {
    return this.#events
  }

  get notOk(): number {
    return this.#batches - (this.#answers[200] ?? 0)
  }

  /** Batches without any answer. */
  get silent(): number {
    return this.#silent
  }

  add({ body, events }: OutgoingBatch, { status, text, durationMs }: Answer): void {
    this.#batches++
    this.#bytes += body.length
    this.#events = this.#events === null || events === undefined ? null : this.#events + events
    this.#answers[status] = (this.#answers[status] ?? 0) + 1
    // A histogram holds whole numbers from 1: microseconds.
    this.#latencies.record(Math.max(1, Math.round(durationMs * 1_000)))
    if (typeof status === 'string') this.#silent++
    if (status === 200) this.#lastOk = `${status} ${text}`
    else this.#lastOther = `${status} ${text}`
  }

  report({ durationMs, seed }: { durationMs: number; seed: number | undefined }): SendReport {
    return {
      batches: this.#batches,
      events: this.#events,
      bytes: this.#bytes,
      answers: { ...this.#answers },
      not_ok: this.notOk,
      latency_ms: this.#latency(),
      seconds: durationMs / 1_000,
      seed: seed ?? null,
      last_answer: (this.#lastOther || this.#lastOk).trim(),
    }
  }

  #latency(): SendReport['latency_ms'] {
    if (this.#batches === 0) return { p50: 0, p99: 0, max: 0 }
    const { max } = this.#latencies
    const [p50, p99] = [50, 99].map((percentile) => this.#latencies.percentile(percentile) / 1_000)
    return { p50: p50 ?? 0, p99: p99 ?? 0, max: max / 1_000 }
  }
}
