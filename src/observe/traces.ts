import type { ObserverListener } from './observer.ts'
import type { SpanSender, TracerOptions } from './send-spans.ts'

/** What happens, as OpenTelemetry traces: one a batch, of its receipt, unpacking and attempts. */
export interface Traces {
  readonly listener: ObserverListener
  /** From then on spans are sent. */
  start(options: TracerOptions): Promise<void>
  /** Sends what waits. Resolves after `graceMs` at the latest. */
  stop(graceMs: number): Promise<void>
}

/** What sends the spans is loaded only when it starts: who wants no traces does not pay for them. */
export function createTraces(): Traces {
  let spans: SpanSender | undefined
  return {
    listener: {
      batchReceived: (fact) => spans?.batchReceived(fact),
      batchUnpacked: (fact) => spans?.batchUnpacked(fact),
      unpackFailed: (fact) => spans?.unpackFailed(fact),
      attemptEnded: (fact) => spans?.attemptEnded(fact),
    },
    async start(options) {
      const { sendSpans } = await import('./send-spans.ts')
      spans = sendSpans(options)
    },
    async stop(graceMs) {
      await spans?.stop(graceMs)
    },
  }
}
