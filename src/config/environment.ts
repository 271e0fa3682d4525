import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { SettingsError } from './problems.ts'

/** What is set by variables, of the process and of a file. */
export interface Environment {
  readonly env: NodeJS.ProcessEnv
  /** The `.env` that was read; undefined: there is none. */
  readonly file: string | undefined
}

/**
 * The variables of the process, and below them those of `.env` in `folder`. Set and empty counts as not
 * set. Throws a `SettingsError` when there is a `.env` that cannot be read.
 */
export function readEnvironment(env: NodeJS.ProcessEnv, folder: string): Environment {
  const file = join(folder, '.env')
  const text = readIfThere(file)
  if (text === undefined) return { env, file: undefined }
  const set = Object.entries(env).filter(([, value]) => value?.trim())
  return { env: { ...env, ...parseEnv(text), ...Object.fromEntries(set) }, file }
}

function readIfThere(file: string): string | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EISDIR') return undefined
    throw problemOf(`cannot be read (${code})`, `Let this user read ${file}, or remove it.`)
  }
  // Windows' shell writes UTF-16: every name would have a NUL behind each letter, and be nobody's.
  if (text.includes('\0')) throw problemOf('is not written in UTF-8', `Save ${file} as UTF-8.`)
  // Windows' editors write a mark before the first name, of which that would become a part.
  return text.replace(/^\uFEFF/, '')
}

function problemOf(problem: string, remedy: string): SettingsError {
  return new SettingsError([{ setting: '.env', problem, remedy }])
}

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
