import type { Attributes } from '@opentelemetry/api'
import type { Logger } from 'pino'
import type { MetricMaker } from './create-metrics.ts'

/** With what a fact is told: its log line, its figures, its span. */
export interface Telling {
  readonly log: Logger
  /** For what strangers or a full disk could make endless. */
  readonly logSampled: LogSampled
  readonly metrics: MetricMaker
  /** Undefined: nobody wants traces. */
  readonly spans: Spans | undefined
}

/** At most a few lines a second of one text and reason; the next tells how many were left out. */
type LogSampled = (
  level: 'warn' | 'error',
  text: string,
  fields: { reason: string } & Record<string, unknown>,
) => void

/** Something that was done for a batch, and ended now. It holds nothing that the log would not. */
export interface EndedSpan {
  /** A UUID. */
  readonly batch: string
  readonly name: string
  readonly durationMs: number
  readonly attributes: Attributes
  /** Why it failed. */
  readonly error?: string | undefined
}

export interface Spans {
  /** The span in which the others of its batch are. */
  addFirst(span: EndedSpan): void
  add(span: EndedSpan): void
}

const LINES_PER_SECOND = 5

/** `now` is milliseconds since 1970. */
export function createLogSampled(log: Logger, now: () => number): LogSampled {
  const kinds = new Map<string, { since: number; admitted: number; heldBack: number }>()

  /** How many were held back since the last one let through; undefined: hold this one back. */
  function admit(kind: string): number | undefined {
    const time = now()
    const known = kinds.get(kind) ?? { since: time, admitted: 0, heldBack: 0 }
    kinds.set(kind, known)
    // A clock set back must not silence a kind until it has caught up.
    if (time - known.since >= 1_000 || time < known.since) {
      known.since = time
      known.admitted = 0
    }
    if (known.admitted >= LINES_PER_SECOND) {
      known.heldBack += 1
      return undefined
    }
    known.admitted += 1
    const { heldBack } = known
    known.heldBack = 0
    return heldBack
  }

  return (level, text, fields) => {
    const suppressed = admit(`${text}: ${fields.reason}`)
    if (suppressed === undefined) return
    log[level](suppressed > 0 ? { ...fields, suppressed } : fields, text)
  }
}
