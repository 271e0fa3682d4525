import type { ReceiverError } from '../../errors.ts'
import type { StoreCommit } from '../store.ts'
import { type Database, translateError } from './driver.ts'

/** One thing to be done inside a transaction. */
export interface Step<Result> {
  run(): Result
}

/**
 * What a commit waits for. `FULL`: the disk has it. `NORMAL`: the operating system has it, so it
 * outlives the process; a power cut may take the newest such commits back, never older ones only.
 */
export type Sync = 'FULL' | 'NORMAL'

/** Called once it is known whether what is under way was kept. */
export type OnEnd = (ending: (isKept: boolean) => void) => void

export type StepResult<Result> = { readonly value: Result } | { readonly error: ReceiverError }

/**
 * Runs steps in one transaction, so that they share one sync. A step that fails undoes itself
 * only; when the commit fails, every step has failed.
 */
export function createTransactions(
  db: Database,
  options: { onCommit?: (commit: StoreCommit) => void; now?: () => number } = {},
) {
  const { onCommit = () => {}, now = () => performance.now() } = options
  const endings: ((isKept: boolean) => void)[] = []

  function runStep<Result>(step: Step<Result>): StepResult<Result> {
    db.exec('SAVEPOINT step')
    const before = endings.length
    try {
      const value = step.run()
      db.exec('RELEASE step')
      return { value }
    } catch (cause) {
      const error = translateError(cause)
      undoStep(error)
      for (const end of endings.splice(before)) end(false)
      return { error }
    }
  }

  function undoStep(error: ReceiverError): void {
    try {
      db.exec('ROLLBACK TO step; RELEASE step')
    } catch {
      // A full disk has ended the whole transaction: every step has failed, for this step's reason.
      throw error
    }
  }

  function runTogether<Result>(
    steps: readonly Step<Result>[],
    sync: Sync = 'FULL',
  ): StepResult<Result>[] {
    const beganAt = now()
    try {
      db.exec(`PRAGMA synchronous = ${sync}`)
      db.exec('BEGIN IMMEDIATE')
      const results = steps.map(runStep)
      const executedAt = now()
      db.exec('COMMIT')
      const endedAt = now()
      for (const end of endings.splice(0)) end(true)
      onCommit({
        isDurable: sync === 'FULL',
        durationMs: endedAt - beganAt,
        syncMs: endedAt - executedAt,
      })
      return results
    } catch (cause) {
      const error = translateError(cause)
      rollBack()
      for (const end of endings.splice(0)) end(false)
      return steps.map(() => ({ error }))
    }
  }

  function rollBack(): void {
    try {
      db.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself.
    }
  }

  const onEnd: OnEnd = (ending) => {
    endings.push(ending)
  }

  return { runTogether, onEnd }
}
