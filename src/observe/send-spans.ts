import { tameText } from './log-text.ts'
import type { ObserverListener } from './observer.ts'
import { openTracer, type TracerOptions } from './open-tracer.ts'

export type { TracerOptions } from './open-tracer.ts'

type Told = 'batchReceived' | 'batchUnpacked' | 'unpackFailed' | 'attemptEnded'

export interface SpanSender extends Required<Pick<ObserverListener, Told>> {
  /** Sends what waits. Resolves after `graceMs` at the latest. */
  stop(graceMs: number): Promise<void>
}

/** Makes a span of each thing that was done. None holds anything that the log would not. */
export function sendSpans(options: TracerOptions): SpanSender {
  const tracer = openTracer(options)
  return {
    batchReceived({ batch, source, bytes, ackMs, secretPosition }) {
      tracer.addFirst({
        batch,
        name: `receive ${source}`,
        durationMs: ackMs,
        attributes: {
          'webhook.batch': batch,
          'webhook.source': source,
          'webhook.bytes': bytes,
          'webhook.secret_position': secretPosition,
        },
      })
    },
    batchUnpacked({ batch, source, durationMs, receipt }) {
      const { stored, duplicates, conflicts, stale, quarantined } = receipt
      tracer.add({
        batch,
        name: `unpack ${source}`,
        durationMs,
        attributes: {
          'webhook.source': source,
          'webhook.stored': stored,
          'webhook.duplicates': duplicates,
          'webhook.conflicts': conflicts,
          'webhook.stale': stale,
          'webhook.quarantined': quarantined,
        },
      })
    },
    unpackFailed({ batch, error }) {
      tracer.add({
        batch,
        name: 'unpack',
        durationMs: 0,
        attributes: {},
        error: tellFailure(error),
      })
    },
    attemptEnded({ handler, event, batch, type, attempt, outcome, durationMs, error }) {
      if (batch === '') return
      tracer.add({
        batch,
        name: `handle ${handler}`,
        durationMs,
        attributes: {
          'webhook.handler': handler,
          'webhook.event': event,
          'webhook.type': tameText(type),
          'webhook.attempt': attempt,
          'webhook.outcome': outcome,
        },
        error: tellFailure(error),
      })
    },
    stop: tracer.stop,
  }
}

/** What failed, without the stack trace: that is in the log. */
function tellFailure(error: string | undefined): string | undefined {
  return error === undefined ? undefined : tameText(error.split('\n', 1)[0] ?? '')
}
