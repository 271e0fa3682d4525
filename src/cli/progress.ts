import type { WorkProgress } from '../admin/answer-long-work.ts'
import type { ProcessContext } from './command.ts'
import { createPaint, displayWidth, formatCount, shorten } from './terminal.ts'

export interface ProgressState extends WorkProgress {
  /** What went wrong so far, for example `3 not answered 200`. */
  readonly problem?: string | undefined
}

const BAR_WIDTH = 24
const TERMINAL_INTERVAL_MS = 100
const PLAIN_INTERVAL_MS = 5_000

/** A bar on a terminal; elsewhere a plain line now and then. Both on stderr. */
export function createProgress(context: ProcessContext) {
  const { stderr, elapsedMs } = context
  // A dumb one cannot remove what was written.
  const isTerminal = stderr.isTTY === true && context.env.TERM !== 'dumb'
  const paint = createPaint(stderr, context.env)
  const startedAt = elapsedMs()
  let shownAt = isTerminal ? Number.NEGATIVE_INFINITY : startedAt

  /** On one line, since `\r` goes no further back; the bar is what one can do without. */
  function fitLine({ done, total }: ProgressState, text: string): string {
    const width = (stderr.columns || Number.POSITIVE_INFINITY) - 1
    if (!total) return shorten(text, width)
    const share = Math.min(1, done / total)
    const filled = '█'.repeat(Math.round(share * BAR_WIDTH))
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    const rest = `${'░'.repeat(BAR_WIDTH - filled.length)} ${percent}  `
    const hasRoom = filled.length + rest.length + displayWidth(text) <= width
    return hasRoom ? `${paint('green', filled)}${rest}${text}` : shorten(text, width)
  }

  return {
    show(state: ProgressState): void {
      const now = elapsedMs()
      if (now - shownAt < (isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS)) return
      shownAt = now
      const text = describe(state, now - startedAt)
      if (!isTerminal) stderr.write(`${text}\n`)
      else stderr.write(`\r\x1b[K${fitLine(state, text)}`)
    },
    /** Removes the bar. */
    clear(): void {
      if (isTerminal) stderr.write('\r\x1b[K')
    },
  }
}

function describe({ done, total, unit, problem }: ProgressState, ms: number): string {
  const amount =
    total === undefined ? formatCount(done) : `${formatCount(done)}/${formatCount(total)}`
  const rate = ms > 0 ? `, ${formatCount((done * 1_000) / ms)}/s` : ''
  return `${amount} ${unit}${rate}${problem ? `, ${problem}` : ''}`
}
