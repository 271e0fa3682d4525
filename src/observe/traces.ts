import { ReceiverError } from '../errors.ts'
import type { Tracer, TracerOptions } from './open-tracer.ts'
import type { EndedSpan } from './telling.ts'

/**
 * What happens, as OpenTelemetry traces: one a batch, of its receipt, unpacking and attempts. What sends the
 * spans is loaded only when it starts: who wants no traces does not pay for them.
 */
export function createTraces() {
  let tracer: Tracer | undefined
  return {
    spans: {
      addFirst: (span: EndedSpan) => tracer?.addFirst(span),
      add: (span: EndedSpan) => tracer?.add(span),
    },
    /** From then on spans are sent. Rejects where the packages for that are not installed. */
    async start(options: TracerOptions) {
      const { openTracer } = await import('./open-tracer.ts').catch(explainMissing)
      tracer = openTracer(options)
    },
    /** Sends what waits. Resolves after `graceMs` at the latest. */
    async stop(graceMs: number) {
      await tracer?.stop(graceMs)
    },
  }
}

/** They are optional: an installation may leave them out. */
function explainMissing(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  const [, name = 'a package of OpenTelemetry'] =
    /'(@opentelemetry[^']*)'/.exec(error.message) ?? []
  throw new ReceiverError('invalid_settings', {
    detail: `traces are wanted, but ${name} is not installed. Install with optional dependencies (npm ci), or unset OTEL_EXPORTER_OTLP_ENDPOINT and its like`,
    cause: error,
  })
}
