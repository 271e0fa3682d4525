/*
 * What the page and the commands say alike.
 */

/** Of a handler as the API shows it. */
interface HandlerFacts {
  readonly paused_since: string | null
  readonly is_crashing: boolean
  readonly running: boolean
  readonly restarts: number | null
  readonly last_problem: string | null
  readonly recent: { readonly done: number; readonly retry: number; readonly dead: number }
}

/** How many of a handler's attempts of the last hour failed, if at least half did: `all`, `60 %`. */
export function failingShare({ done, retry, dead }: HandlerFacts['recent']): string | undefined {
  const failed = retry + dead
  if (failed === 0 || failed < done) return undefined
  return done === 0 ? 'all' : `${Math.floor((100 * failed) / (done + failed))} %`
}

const CAUSE = '\nCaused by: '

/** An error on one line, without its stack: what was thrown, and what it was caused by. */
export function errorLine(error: string): string {
  const at = error.indexOf(CAUSE)
  const cause = at < 0 ? '' : `, caused by ${firstLine(error.slice(at + CAUSE.length))}`
  return `${firstLine(error)}${cause}`
}

function firstLine(text: string): string {
  return text.split(/[\r\n]/, 1)[0] ?? ''
}

export type HandlerState = 'paused' | 'crashing' | 'failing' | 'running' | 'stopped' | 'elsewhere'

/** How a handler is, by what somebody should know first. */
export function handlerState(handler: HandlerFacts): HandlerState {
  if (handler.paused_since !== null) return 'paused'
  // Its process may run for a moment, until it ends again.
  if (handler.is_crashing) return 'crashing'
  if (handler.running) return failingShare(handler.recent) === undefined ? 'running' : 'failing'
  return handler.restarts === null && handler.last_problem === null ? 'elsewhere' : 'stopped'
}

/** `jobs 12, state dead`; empty when there are none. */
export function listFields(
  fields: Readonly<Record<string, string | number | boolean>>,
  showNumber: (number: number) => string,
  showName = (name: string) => name,
): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    return `${showName(name)} ${typeof value === 'number' ? showNumber(value) : value}`
  })
  return parts.join(', ')
}

const BYTES_PER_LINE = 16

/** Bytes as hex and text side by side. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) {
    const part = [...bytes.subarray(at, at + BYTES_PER_LINE)]
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'))
    const halves = `${hex.slice(0, 8).join(' ')}  ${hex.slice(8).join(' ')}`
    lines.push(`${at.toString(16).padStart(8, '0')}  ${halves.padEnd(49)} ${asText(part)}\n`)
  }
  return lines.join('')
}

function asText(bytes: readonly number[]): string {
  const shown = bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'))
  return `|${shown.join('')}|`
}
