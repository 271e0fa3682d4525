import { describe, expect, it } from 'vitest'
import { handlerEnvironment } from '../../src/config.ts'
import { read, SECRET } from './settings-folder.ts'

const COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }

function readTraces(env: Record<string, string>) {
  const { isTraced, warnings } = read({ MAILTRAP_SIGNING_SECRET: SECRET, ...env })
  return { isTraced, warnings }
}

describe('traces', () => {
  it.each([
    ['the address of a collector', COLLECTOR],
    ['the address for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/v1/traces' }],
    ['the exporter, to the collector on this machine', { OTEL_TRACES_EXPORTER: 'otlp' }],
    ['both', { ...COLLECTOR, OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'false' }],
  ])('are asked for by %s', (_what, env) => {
    expect(readTraces(env)).toEqual({ isTraced: true, warnings: [] })
  })

  it.each([
    ['without any of it', {}],
    ['when everything is disabled', { ...COLLECTOR, OTEL_SDK_DISABLED: 'TRUE' }],
    ['when the exporter is none', { ...COLLECTOR, OTEL_TRACES_EXPORTER: 'none' }],
    ['when the address is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }],
  ])('are off %s', (_when, env) => {
    expect(readTraces(env)).toEqual({ isTraced: false, warnings: [] })
  })

  it.each([
    ['OTEL_TRACES_EXPORTER', 'zipkin', false],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', false],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', true],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http/json', true],
  ])('tell of %s=%s, which the receiver cannot do', (name, value, isTraced) => {
    const traces = readTraces({ ...COLLECTOR, [name]: value })
    expect(traces.isTraced).toBe(isTraced)
    expect(traces.warnings).toEqual([expect.stringContaining(name)])
  })

  it('keep the key to the collector from handlers, and nothing else of it', () => {
    const env = { ...COLLECTOR, OTEL_EXPORTER_OTLP_HEADERS: 'key=1' }
    const settings = read({ MAILTRAP_SIGNING_SECRET: SECRET, ...env })
    expect(handlerEnvironment(settings, env)).toEqual(COLLECTOR)
  })
})
