import { createHistogram } from 'node:perf_hooks'
import type { OutgoingBatch } from '../../providers/outgoing-batch.ts'
import type { Answer } from '../../simulator/send-request.ts'
import { formatCount, formatCounted, formatDuration } from '../figures.ts'
import { type Paint, plain, safeText } from '../terminal.ts'

export interface SendReport {
  readonly batches: number
  /** Null when files were sent, whose events nobody counted. */
  readonly events: number | null
  readonly bytes: number
  /** Batches by status, or by why there was none. */
  readonly answers: Readonly<Record<string, number>>
  readonly not_ok: number
  readonly latency_ms: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly seconds: number
  readonly seed: number | null
  /** The last answer that was not 200, else the last answer. */
  readonly last_answer: string
}

/** The report for people. */
export function describeReport(report: SendReport, paint: Paint = plain): string {
  const { batches, events, bytes, latency_ms: latency, seconds, seed } = report
  const amount = events === null ? '' : `, ${formatCounted(events, 'event')}`
  const rate =
    events === null || seconds === 0 ? '' : ` (${formatCount(events / seconds)} events/s)`
  const answers = Object.entries(report.answers).map(([status, count]) =>
    paint(status === '200' ? 'green' : 'red', `${formatCount(count)} × ${safeText(status)}`),
  )
  const lines = [
    `sent      ${formatCounted(batches, 'batch', 'batches')}${amount}, ${formatBytes(bytes)} in ${formatDuration(seconds * 1_000)}${rate}`,
    `answers   ${answers.join(', ') || 'none'}`,
    `latency   p50 ${formatDuration(latency.p50)}, p99 ${formatDuration(latency.p99)}, max ${formatDuration(latency.max)}`,
  ]
  if (report.last_answer && (batches === 1 || report.not_ok > 0)) {
    lines.push(`last      ${safeText(report.last_answer)}`)
  }
  if (seed !== null)
    lines.push(paint('dim', `seed      ${seed}: --seed ${seed} makes the same events again`))
  return `${lines.join('\n')}\n`
}

function formatBytes(bytes: number): string {
  if (bytes < 10_000) return formatCounted(bytes, 'byte')
  return bytes < 1e7 ? `${formatCount(bytes / 1e3)} kB` : `${formatCount(bytes / 1e6)} MB`
}

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
