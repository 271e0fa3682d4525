import { ageOf, describeOverrun, kindOf, PROGRESS } from '../channel-frames.ts'
import type { AttemptFailure } from '../retry-policy.ts'
import type { FrameMeans, Page, PageLedger, PortionEnd } from './page-ledger.ts'

/**
 * What the end of a process is to its events. `crash`: it ended by itself, or was killed for something
 * that one of them may have done. `overrun`: it was killed for an attempt that took too long. `stopped`:
 * we wanted it to end.
 */
export type EndKind = 'crash' | 'overrun' | 'stopped'

export interface EndedProcess extends Omit<FrameMeans, 'hasAborted'> {
  readonly ledger: PageLedger
  readonly kind: EndKind
  /** Why it has ended. */
  readonly reason: string
  /** How long an attempt may take. */
  readonly timeoutMs: number
  /** When it ended, by the machine's clock. */
  readonly endedAt: number
}

interface OpenEvent {
  readonly page: Page
  readonly index: number
  readonly ageMs: number
}

/** What is told of an event that may have ended its process, or of a module that was not loaded. */
export const describeEnd = (reason: string): string => `process ended: ${reason}`

/**
 * What becomes of the events in the hands of a process that has ended. What was done and not told is
 * done; an event that alone was under way has failed, of several nobody knows which it was; what was
 * not begun is given back.
 */
export function judgeEnd(process: EndedProcess): void {
  const { ledger, readSlot, kind, reason, endedAt } = process
  const error = describeEnd(reason)
  const started: OpenEvent[] = []
  const waiting: OpenEvent[] = []
  for (const page of [...ledger.pages()]) {
    const entries = readSlot(page.slot, page.size)
    ledger.read(page, entries, process.mayReturn)
    for (const [index, entry] of entries.entries()) {
      if (page.ended[index] !== 0) continue
      const progress = kindOf(entry)
      const ageMs = Math.max(0, ageOf(entry, endedAt))
      if (progress === PROGRESS.started) started.push({ page, index, ageMs })
      else if (progress === PROGRESS.waiting) waiting.push({ page, index, ageMs: 0 })
      else {
        const untold = `it failed, and before it was told why: ${error}`
        ledger.fail(page, index, { durationMs: 0, failure: { kind: 'retry', error: untold } })
      }
    }
  }
  const hasEndedProcess = kind === 'crash' && started.length === 1
  for (const { page, index, ageMs } of started) {
    const failure = judgeStarted(process, started.length, ageMs)
    ledger.fail(page, index, { durationMs: ageMs, failure, hasEndedProcess })
  }
  // Of its first event's size, most likely. Were it given back, it would come first again, for ever.
  const isBarren = kind === 'crash' && !ledger.hasBegun && started.length === 0
  const blamed = isBarren ? waiting.shift() : undefined
  if (blamed) {
    ledger.fail(blamed.page, blamed.index, { durationMs: 0, failure: { kind: 'retry', error } })
  }
  for (const { page, index } of waiting) ledger.giveBack(page, index)
}

function judgeStarted(
  { kind, reason, timeoutMs }: EndedProcess,
  count: number,
  ageMs: number,
): AttemptFailure {
  if (kind === 'stopped') return { kind: 'interrupted', error: `interrupted: ${reason}` }
  if (kind === 'crash') {
    return { kind: count === 1 ? 'retry' : 'suspect', error: describeEnd(reason) }
  }
  if (ageMs >= timeoutMs) return { kind: 'retry', error: describeOverrun(timeoutMs) }
  const error = 'interrupted: another attempt overran and its process was killed'
  return { kind: 'interrupted', error }
}

/** Whether an event that ran alone ended its process, and whether that was so for the first time. */
export function judgeCrash(ends: readonly PortionEnd[]) {
  const crashes = ends.filter(
    ({ portion, failed }) => portion.isAlone && failed[0]?.hasEndedProcess,
  )
  const isNew = ({ portion: { isLast, counted } }: PortionEnd) => isLast === true && counted <= 1
  return { isKnownCrash: crashes.length > 0, isNewCulprit: crashes.some(isNew) }
}
