import type { LoadedCode, LoadFailure, ReadyFacts } from '../child-frame.ts'
import type { HandlerLine, PortionEnd } from './page-ledger.ts'

export interface ProcessExit {
  /** Undefined when its module was not loaded. */
  readonly pid: number | undefined
  readonly reason: string
  /** It was to stop, or old enough to be replaced. */
  readonly isPlanned: boolean
  /** Why the module was not loaded; undefined when it was. */
  readonly failure: LoadFailure | undefined
  /** It ended of an event that ran alone because it had ended a process before. */
  readonly isKnownCrash: boolean
  /** One that ran alone for its type has ended it, and never had before. */
  readonly isNewCulprit: boolean
}

export interface ProcessListener {
  /** Answers why a handler with these facts cannot be used; undefined when it can. */
  onReady(facts: ReadyFacts, pid: number): string | undefined
  onEnds(ends: readonly PortionEnd[]): void
  /** Its pipe has room again. */
  onRoom(): void
  /** From which files its module is loaded, `isWhole`, or which more of them there are. */
  onCode(code: LoadedCode, isWhole: boolean): void
  onLine(line: HandlerLine): void
  onLinesDropped(lines: number): void
  /** It takes long to be loaded, or waits for something meanwhile. */
  onLoadingLong(): void
  /** Its last call, when every event has been ended or given back. */
  onExit(exit: ProcessExit): void
}
