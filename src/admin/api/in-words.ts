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

/** Whether the verdict says so of a handler. */
export function isHandler(
  how: 'paused' | 'crashing',
  name: string,
  causes: readonly { readonly cause: string }[],
): boolean {
  return causes.some(({ cause }) => cause === `handler_${how}:${name}`)
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
