const ENDPOINTS = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']
const PROTOCOLS = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']
/** They carry the key to the collector. */
export const TRACES_SECRET_VARIABLES = [
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
  'OTEL_EXPORTER_OTLP_HEADERS',
]

/**
 * Whether the standard variables of OpenTelemetry ask for traces; its library reads all others. Of
 * what it would pass over in silence, `warnings` tell.
 */
export function findTraces(env: NodeJS.ProcessEnv): { isTraced: boolean; warnings: string[] } {
  const exporter = env['OTEL_TRACES_EXPORTER'] || undefined
  const endpoint = ENDPOINTS.find((name) => env[name])
  const isAskedFor = exporter === undefined ? endpoint !== undefined : exporter !== 'none'
  if (!isAskedFor || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return off()
  if (exporter !== undefined && exporter !== 'otlp') {
    return off('OTEL_TRACES_EXPORTER can be otlp or none. No traces are sent.')
  }
  if (endpoint !== undefined && !isHttpUrl(env[endpoint])) {
    return off(`${endpoint} is no address such as http://collector:4318. No traces are sent.`)
  }
  const protocol = PROTOCOLS.find((name) => env[name])
  if (protocol === undefined || env[protocol] === 'http/protobuf') return on()
  return on(
    `${protocol} can only be http/protobuf: traces are sent so. A collector takes it at port 4318.`,
  )
}

function isHttpUrl(text = ''): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function off(...warnings: string[]) {
  return { isTraced: false, warnings }
}

function on(...warnings: string[]) {
  return { isTraced: true, warnings }
}
