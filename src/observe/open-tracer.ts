import {
  type Context,
  type DiagLogFunction,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { millisToHrTime, setGlobalErrorHandler } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  RandomIdGenerator,
} from '@opentelemetry/sdk-trace-base'
import { within } from '../timers.ts'
import type { EndedSpan, Spans } from './telling.ts'

interface TracerOptions {
  readonly version: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told what the library has to complain about. */
  readonly onProblem: (detail: string) => void
}

export interface Tracer extends Spans {
  /** Sends what waits. Resolves after `graceMs` at the latest. */
  stop(graceMs: number): Promise<void>
}

/**
 * Spans for the collector that the standard variables of OpenTelemetry name. A batch's id is also
 * that of its trace, and the end of it that of its first span: so replicas that know no more than
 * the batch add to one trace, and agree on whether it is among those that are sent.
 */
export function openTracer({ version, now, onProblem }: TracerOptions): Tracer {
  reportProblems(onProblem)
  const ids = createIds()
  const provider = new BasicTracerProvider({
    resource: describeService(version),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    idGenerator: ids,
  })
  const tracer = provider.getTracer('mailtrap-receiver', version)

  function startFirst(batch: string, name: string, startedAt: number): Span {
    const settings = { kind: SpanKind.SERVER, startTime: millisToHrTime(startedAt) }
    return ids.withThoseOf(batch, () => tracer.startSpan(name, settings, ROOT_CONTEXT))
  }

  /** A first span that is never sent: it has the ids, and the fate, of the one that was. */
  function inTraceOf(batch: string, startedAt: number): Context {
    return trace.setSpan(ROOT_CONTEXT, startFirst(batch, '', startedAt))
  }

  function end(span: Span, endedAt: number, { attributes, error }: EndedSpan): void {
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== undefined) span.setAttribute(`webhook.${name}`, value)
    }
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error })
    span.end(millisToHrTime(endedAt))
  }

  return {
    addFirst(span) {
      const endedAt = now()
      end(startFirst(span.batch, span.name, endedAt - span.durationMs), endedAt, span)
    },
    add(span) {
      const endedAt = now()
      const startedAt = endedAt - span.durationMs
      const settings = { kind: SpanKind.CONSUMER, startTime: millisToHrTime(startedAt) }
      const started = tracer.startSpan(span.name, settings, inTraceOf(span.batch, startedAt))
      end(started, endedAt, span)
    },
    async stop(graceMs) {
      const sent = provider.shutdown().catch((error: Error) => onProblem(error.message))
      await within(graceMs, sent)
    },
  }
}

/** Random ids, but for the first span of a batch. */
function createIds() {
  const random = new RandomIdGenerator()
  let fixed: { readonly traceId: string; readonly spanId: string } | undefined
  return {
    generateTraceId: () => fixed?.traceId ?? random.generateTraceId(),
    generateSpanId: () => fixed?.spanId ?? random.generateSpanId(),
    withThoseOf(batch: string, start: () => Span): Span {
      const traceId = batch.replaceAll('-', '')
      fixed = { traceId, spanId: traceId.slice(16) }
      const span = start()
      fixed = undefined
      return span
    },
  }
}

/** What the variables say of the service comes before what we say. */
function describeService(version: string) {
  const named = { 'service.name': 'mailtrap-receiver', 'service.version': version }
  return defaultResource()
    .merge(resourceFromAttributes(named))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }))
}

/** The library tells its troubles to the whole process. */
function reportProblems(onProblem: (detail: string) => void): void {
  const report: DiagLogFunction = (message) => onProblem(message)
  const logger = { error: report, warn: report, info: report, debug: report, verbose: report }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  setGlobalErrorHandler((error) =>
    onProblem(error instanceof Error ? error.message : JSON.stringify(error)),
  )
}
