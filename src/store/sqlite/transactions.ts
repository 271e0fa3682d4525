import type { ReceiverError } from '../../errors.ts'
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

export type StepResult<Result> = { readonly value: Result } | { readonly error: ReceiverError }

/**
 * Runs steps in one transaction, so that they share one sync. A step that fails undoes itself
 * only; when the commit fails, every step has failed.
 */
export function createTransactions(db: Database) {
  function runStep<Result>(step: Step<Result>): StepResult<Result> {
    db.exec('SAVEPOINT step')
    try {
      const value = step.run()
      db.exec('RELEASE step')
      return { value }
    } catch (cause) {
      const error = translateError(cause)
      undoStep(error)
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
    try {
      db.exec(`PRAGMA synchronous = ${sync}`)
      db.exec('BEGIN IMMEDIATE')
      const results = steps.map(runStep)
      db.exec('COMMIT')
      return results
    } catch (cause) {
      const error = translateError(cause)
      rollBack()
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

  return { runTogether }
}
