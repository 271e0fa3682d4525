import { formatCount, formatCounted, formatDuration } from '../terminal/figures.ts'
import { type Paint, plain } from '../terminal/paint.ts'
import { safeText } from '../terminal/safe-text.ts'

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
