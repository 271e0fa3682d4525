import { type ErrorCode, ReceiverError } from '../../errors.ts'
import type { CopyReport } from '../../store/copy-store.ts'
import { type CopyProblem, CopyRefused } from '../../store/store-copy.ts'
import { CommandFailure, EXIT_CODES } from '../command-failure.ts'
import { formatCount, formatCounted } from '../terminal/figures.ts'

export interface MigrationEnds {
  /** The path of the SQLite file. */
  readonly file: string
  /** The URL of the PostgreSQL database; never shown. */
  readonly url: string
  /** The same for people, without its password. */
  readonly label: string
}

const OUTCOMES: Readonly<Record<CopyReport['outcome'], string>> = {
  copied: 'Copied and counted',
  had_ended: 'This file was copied earlier; nothing was changed. The database got',
  stopped: 'Copied so far',
}

/** What came of it, for people. */
export function describeMigration(report: CopyReport, { file, label }: MigrationEnds): string {
  const { outcome, rows, earlierRows } = report
  const tables = Object.entries(rows).map(([name, n]) => `${name} ${formatCount(n)}`)
  const total = Object.values(rows).reduce((sum, n) => sum + n, 0)
  const went = earlierRows > 0 && outcome !== 'had_ended'
  const earlier = went ? `, of which ${formatCount(earlierRows)} before it broke off` : ''
  const lines = [
    `${OUTCOMES[outcome]} ${formatCounted(total, 'row')} (${tables.join(', ')})${earlier}.`,
  ]
  if (outcome !== 'stopped') {
    lines.push(
      `Start the receiver with STORE_URL set to ${label} and its password.`,
      `${file} stays as it was: never let a receiver work on it again, or events run twice.`,
    )
  }
  return lines.join('\n')
}

/** What came of it, for machines. */
export function migrationJson({ outcome, rows, earlierRows }: CopyReport) {
  return { outcome, rows, earlier_rows: earlierRows }
}

type Texts = Readonly<Record<CopyProblem, (ends: MigrationEnds) => string>>

const PROBLEMS: Texts = {
  source_missing: ({ file }) =>
    `There is no file ${file}. Give the path of the receiver's database, receiver.db in its DATA_DIR.`,
  source_changed: ({ file, label }) =>
    `A receiver worked on ${file} after its copy to ${label} had begun, so the two no longer fit together. Keep the receiver stopped, make a new, empty database, and copy into that.`,
  target_used: ({ label }) =>
    `${label} holds data already that is not of this file. Nothing was changed. Give an empty database.`,
  target_changed: ({ label }) =>
    `Somebody else wrote into ${label} before the copy had ended, so it cannot be trusted. Keep every receiver stopped, make a new, empty database, and copy into that.`,
  taken_over: ({ label }) => `Another migrate copies into ${label} as well. Let one of them end.`,
}

/** What an operator reads when a copy could not begin or broke off; other errors stay as they are. */
export function describeMigrationProblem(error: unknown, ends: MigrationEnds): unknown {
  if (error instanceof CopyRefused) {
    return new CommandFailure(PROBLEMS[error.problem](ends), { cause: error })
  }
  if (!(error instanceof ReceiverError)) return error
  const { code, detail = error.message } = error
  if (code === 'store_locked') {
    return new CommandFailure(
      `A receiver, or another migrate, works on ${ends.file}. Stop it first: what it received meanwhile would be left behind.`,
      { cause: error },
    )
  }
  if (code === 'invalid_settings') {
    const { configuration: exitCode } = EXIT_CODES
    const text = `${ends.label} cannot be used: ${detail.replace(/^STORE_URL: /, '')}`
    return new CommandFailure(text, { exitCode, cause: error })
  }
  return TEMPORARY.has(code) ? describeBreak(detail, error) : error
}

const TEMPORARY: ReadonlySet<ErrorCode> = new Set(['store_busy', 'store_full', 'store_closed'])

function describeBreak(detail: string, cause: Error): CommandFailure {
  return new CommandFailure(
    `The copy broke off (${detail}). What is copied stays: run the same command again, and it goes on where it was.`,
    { cause },
  )
}
