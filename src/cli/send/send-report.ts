import { createHistogram } from 'node:perf_hooks'
import type { OutgoingBatch } from '../../providers/outgoing-batch.ts'
import type { Answer } from '../../simulator/send-request.ts'
import { CommandFailure } from '../command.ts'
import type { ProgressState } from '../progress.ts'
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatDuration,
  type Paint,
  safeText,
} from '../terminal.ts'

/** Counts answers in bounded memory, however many. */
export class SendTally {
  readonly #latencies = createHistogram()
  /** Batches by status, or by why there was none. */
  readonly #answers: Record<string, number> = {}
  /** Null when nobody counted them: files are sent as they are. */
  #events: number | null = 0
  #bytes = 0
  #lastOk = ''
  #lastOther = ''
  batches = 0
  /** Batches without any answer. */
  silent = 0

  add({ body, events }: OutgoingBatch, { status, text, durationMs }: Answer): void {
    this.batches++
    this.#bytes += body.length
    this.#events = this.#events === null || events === undefined ? null : this.#events + events
    this.#answers[status] = (this.#answers[status] ?? 0) + 1
    // A histogram holds whole numbers from 1: microseconds.
    this.#latencies.record(Math.max(1, Math.round(durationMs * 1_000)))
    if (typeof status === 'string') this.silent++
    if (status === 200) this.#lastOk = `${status} ${text}`
    else this.#lastOther = `${status} ${text}`
  }

  get progress(): ProgressState {
    const notOk = this.#notOk
    const problem = notOk > 0 ? `${formatCount(notOk)} not answered 200` : undefined
    if (this.#events === null) return { done: this.batches, unit: 'batches', problem }
    return { done: this.#events, unit: 'events', problem }
  }

  report({ durationMs, seed }: { durationMs: number; seed: number | undefined }) {
    const latencyMs = (percentile: number) => this.#latencies.percentile(percentile) / 1_000
    return {
      batches: this.batches,
      events: this.#events,
      bytes: this.#bytes,
      answers: { ...this.#answers },
      not_ok: this.#notOk,
      latency_ms: { p50: latencyMs(50), p99: latencyMs(99), max: latencyMs(100) },
      seconds: durationMs / 1_000,
      seed: seed ?? null,
      /** The last answer that was not 200, else the last answer. */
      last_answer: (this.#lastOther || this.#lastOk).trim(),
    }
  }

  get #notOk(): number {
    return this.batches - (this.#answers[200] ?? 0)
  }
}

type SendReport = ReturnType<SendTally['report']>

/** The report for people. */
export function describeReport(report: SendReport, paint: Paint): string {
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

/** Throws a CommandFailure that says why not every batch was answered 200. */
export function refuseBadEnd(report: SendReport, url: URL): void {
  const { batches, not_ok: notOk, answers } = report
  const silent = Object.entries(answers).every(([status]) => !/^\d+$/.test(status))
  if (batches > 0 && silent) {
    throw new CommandFailure(
      `Nothing answers at ${url.origin}${url.pathname} (${Object.keys(answers).join(', ')}). Start the receiver with mailtrap-receiver serve, or say where it is with --url.`,
    )
  }
  if (notOk > 0) {
    const which =
      batches === 1
        ? 'The batch was'
        : `${formatCount(notOk)} of ${formatCount(batches)} batches were`
    // What to look at, for answers whose cause is known.
    const causes = Object.keys(answers).flatMap((status) =>
      status in CAUSES ? [`${status}: ${CAUSES[status]}`] : [],
    )
    throw new CommandFailure([`${which} not answered 200.`, ...causes].join(' '))
  }
}

const CAUSES: Readonly<Record<string, string>> = {
  401: 'the secret, BASIC_AUTH or URL_TOKEN is not the one of the receiver.',
  403: 'the receiver does not take requests from this address (ALLOW_IPS).',
  404: 'the receiver has no source of the name at the end of the URL.',
  413: 'a batch is larger than BODY_LIMIT of the receiver.',
}
