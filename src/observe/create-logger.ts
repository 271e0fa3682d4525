import type { Writable } from 'node:stream'
import pino, { type LogFn, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { hideSecretFields } from './hide-secret-fields.ts'
import { createLogOutput } from './log-output.ts'
import { describeError, hideEmails } from './log-text.ts'

/**
 * JSON lines, or lines for people when `pretty`. Fields that hold secrets or personal data are
 * blanked, requests lose their query. A reader that does not read costs lines, never time or
 * memory.
 */
export function createLogger(options: {
  /** One of pino's levels. */
  level: string
  /** Default: stdout. */
  output?: Writable & { readonly isTTY?: boolean }
  /** Default: when `output` is a terminal. */
  pretty?: boolean
}): Logger {
  const { level, output = process.stdout, pretty = output.isTTY === true } = options
  const format = pretty
    ? prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
    : (line: string) => line
  const lines = createLogOutput({
    stream: output,
    describeDropped: (count) => format(`${JSON.stringify(droppedLine(count))}\n`),
  })
  const destination = { write: (line: string) => lines.write(format(line)) }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: hideSecretFields },
      hooks: { logMethod: hideInMessage },
      serializers: { req: describeRequest, res: describeResponse, err: describeError },
    },
    destination,
  )
}

/** Texts of a line likewise; of an error without a text, pino takes its message. */
function hideInMessage(this: Logger, line: Parameters<LogFn>, log: LogFn): void {
  const [first, ...texts] = line as unknown[]
  const error = first instanceof Error ? first : (first as { err?: unknown } | null)?.err
  if (texts.length === 0 && error instanceof Error) texts.push(error.message)
  const tamed = [first, ...texts].map((part) =>
    typeof part === 'string' ? hideEmails(part) : part,
  )
  log.apply(this, tamed as Parameters<LogFn>)
}

function droppedLine(lines: number) {
  const msg = 'log lines dropped: their reader was too slow'
  return { level: 'warn', time: new Date().toISOString(), lines, msg }
}

// The query holds the URL token.
function describeRequest(request: { method?: string; url?: string }) {
  return { method: request.method, path: request.url?.replace(/\?.*$/s, '') }
}

function describeResponse(response: { statusCode?: number }) {
  return { status: response.statusCode }
}
