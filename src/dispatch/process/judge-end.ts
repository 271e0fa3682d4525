import { ageOf, describeOverrun, kindOf, PROGRESS } from '../channel-frames.ts'
import type { AttemptFailure } from '../retry-policy.ts'
import { isRun, type Page, type PageLedger, type PortionEnd } from './page-ledger.ts'

/** Why a process has ended, as far as its events are concerned. */
export type EndCause =
  /** By itself, or by something that one of its events may have done. */
  | { readonly kind: 'crash' }
  /** It was killed for an attempt that had gone on for longer than this. */
  | { readonly kind: 'overrun'; readonly timeoutMs: number }
  /** We wanted it to end. */
  | { readonly kind: 'stopped'; readonly error: string }

export interface EndedProcess {
  readonly ledger: PageLedger
  readonly readSlot: (slot: number, size: number) => Uint32Array
  readonly cause: EndCause
  /** When, by the machine's clock. */
  readonly endedAt: number
  /** What is told of an event that may have ended the process. */
  readonly error: string
  /** It was asked to give back what it had not begun. */
  readonly mayReturn: boolean
}

interface OpenEvent {
  readonly page: Page
  readonly index: number
  readonly ageMs: number
}

const INTERRUPTED = 'interrupted: another attempt overran and its process was killed'

/**
 * What becomes of the events in the hands of a process that has ended. What was done and not told is
 * done; an event that alone was under way has failed, of several nobody knows which it was; what was
 * not begun is given back.
 */
export function judgeEnd(process: EndedProcess): void {
  const { ledger, readSlot, cause, error, endedAt } = process
  const started: OpenEvent[] = []
  const waiting: OpenEvent[] = []
  for (const page of [...ledger.pages()]) {
    const entries = readSlot(page.slot, page.size)
    ledger.read(page, entries, process.mayReturn)
    for (const [index, entry] of entries.entries()) {
      if (page.ended[index] !== 0) continue
      const kind = kindOf(entry)
      const ageMs = Math.max(0, ageOf(entry, endedAt))
      if (kind === PROGRESS.started) started.push({ page, index, ageMs })
      else if (kind === PROGRESS.waiting) waiting.push({ page, index, ageMs: 0 })
      else {
        const untold = `it failed, and before it was told why: ${error}`
        ledger.fail(page, index, { durationMs: 0, failure: { kind: 'retry', error: untold } })
      }
    }
  }
  const hasEndedProcess = cause.kind === 'crash' && started.length === 1
  for (const { page, index, ageMs } of started) {
    const failure = judgeStarted(process, started.length, ageMs)
    ledger.fail(page, index, { durationMs: ageMs, failure, hasEndedProcess })
  }
  // Of its first event's size, most likely. Were it given back, it would come first again, for ever.
  const isBarren = cause.kind === 'crash' && !ledger.hasBegun && started.length === 0
  const blamed = isBarren ? waiting.shift() : undefined
  if (blamed) {
    ledger.fail(blamed.page, blamed.index, { durationMs: 0, failure: { kind: 'retry', error } })
  }
  for (const { page, index } of waiting) ledger.giveBack(page, index)
}

function judgeStarted(
  { cause, error }: EndedProcess,
  count: number,
  ageMs: number,
): AttemptFailure {
  if (cause.kind === 'stopped') return { kind: 'interrupted', error: cause.error }
  if (cause.kind === 'crash') return { kind: count === 1 ? 'retry' : 'suspect', error }
  if (ageMs < cause.timeoutMs) return { kind: 'interrupted', error: INTERRUPTED }
  return { kind: 'retry', error: describeOverrun(cause.timeoutMs) }
}

/** Whether an event that ran alone ended its process, and whether that was so for the first time. */
export function judgeCrash(ends: readonly PortionEnd[]) {
  const crashes = ends.filter(
    ({ portion, failed }) => portion.isAlone && failed[0]?.hasEndedProcess,
  )
  const isNew = ({ portion: { isLast, of } }: PortionEnd) =>
    isLast === true && (isRun(of) || of.counted <= 1)
  return { isKnownCrash: crashes.length > 0, isNewCulprit: crashes.some(isNew) }
}
