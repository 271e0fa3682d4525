import { resolve } from 'node:path'
import { Command } from 'commander'
import { WrongValue } from '../config/problems.ts'
import { labelStore, readStoreUrl, type StoreAddress } from '../config/store-url.ts'
import { type ErrorCode, ReceiverError } from '../errors.ts'
import type { CopyReport } from '../store/postgres/copy-target.ts'
import { type CopyProblem, CopyRefused } from '../store/sqlite/copy-source.ts'
import { type CommandContext, CommandFailure, wrongSettings } from './command.ts'
import { readSecret } from './command-settings.ts'
import { createProgress } from './progress.ts'
import { formatCount, formatCounted, printAnswer, safeLines } from './terminal.ts'

interface MigrateOptions {
  readonly from: string
  readonly to?: string
}

const EXAMPLES = `
Examples:
  mailtrap-receiver migrate --from sqlite:./data/receiver.db --to postgres://app@db.internal/receiver
  STORE_URL_FILE=/run/secrets/store_url mailtrap-receiver migrate --from sqlite:./data/receiver.db

Stop the receiver first. Everything is copied: batches, events, jobs, quarantine and the keys that
tell duplicates. The SQLite file stays as it was. The database must be empty; its tables are made.
When it breaks off, or is stopped with Ctrl-C, the same command begins anew. Then start the receiver
with STORE_URL set to the database.

Without --to, the database is that of STORE_URL, or of the file that STORE_URL_FILE names. What
stands in the command line can be seen by every user of the machine: a URL with a password belongs
into the environment or a file.

Exit code 0 when everything is in the database, otherwise 1.`

export function migrateCommand(context: CommandContext): Command {
  const command = new Command('migrate')
    .requiredOption('--from <url>', 'the SQLite file, for example sqlite:./data/receiver.db')
    .option('--to <url>', 'the PostgreSQL database (default: STORE_URL)')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(async (options: MigrateOptions) => {
      const refuse = (problem: string) => command.error(`error: ${problem}`)
      const ends = await readEnds(options, context.env, refuse)
      const report = await copyWithProgress(ends, context)
      await printAnswer(context, report, () => describeMigration(report, ends))
      if (report.outcome === 'copied') return
      throw new CommandFailure(
        'Stopped before everything was copied. Run the same command again: it begins anew.',
      )
    })
  return command
}

async function readEnds(
  { from, to }: MigrateOptions,
  env: CommandContext['env'],
  refuse: (problem: string) => never,
): Promise<MigrationEnds> {
  const source = readAddress('--from', from, refuse)
  if (source.engine !== 'sqlite') return refuse('--from has to be sqlite:<path of a file>.')
  const name = to === undefined ? 'STORE_URL' : '--to'
  const url = await readSecret({ name: 'STORE_URL', given: to }, env)
  if (url === undefined) return refuse('say where to, with --to or STORE_URL.')
  const target = readAddress(name, url, refuse)
  if (target.engine !== 'postgres') return refuse(`${name} has to be postgres://….`)
  return { file: resolve(source.path), url: target.url, label: labelStore(target.url) }
}

/** The text is never shown: it may hold a password. */
function readAddress(name: string, text: string, refuse: (problem: string) => never): StoreAddress {
  try {
    return readStoreUrl(text)
  } catch (error) {
    if (error instanceof WrongValue) return refuse(`${name} ${error.message}`)
    throw error
  }
}

async function copyWithProgress(ends: MigrationEnds, context: CommandContext): Promise<CopyReport> {
  const { stderr, stopped, stoppedAgain } = context
  // Loaded here, so that no other command waits for the drivers of both databases.
  const { copyStore } = await import('../store/postgres/copy-target.ts')
  const progress = createProgress(context)
  try {
    return await copyStore({
      file: ends.file,
      url: ends.url,
      onProgress: (done, total) => progress.show({ done, total, unit: 'rows' }),
      onWarning: (text) => void stderr.write(`warning: ${safeLines(text)}\n`),
      stopped: AbortSignal.any([stopped, stoppedAgain]),
      random: Math.random,
    })
  } catch (error) {
    throw describeMigrationProblem(error, ends)
  } finally {
    progress.clear()
  }
}

interface MigrationEnds {
  /** The path of the SQLite file. */
  readonly file: string
  /** The URL of the PostgreSQL database; never shown. */
  readonly url: string
  /** The same for people, without its password. */
  readonly label: string
}

/** What came of it, for people. */
function describeMigration(report: CopyReport, { file, label }: MigrationEnds): string {
  const { outcome, rows } = report
  const tables = Object.entries(rows).map(([name, n]) => `${name} ${formatCount(n)}`)
  const total = Object.values(rows).reduce((sum, n) => sum + n, 0)
  const amount = `${formatCounted(total, 'row')} (${tables.join(', ')}).`
  if (outcome === 'stopped') return `Copied so far ${amount}`
  return [
    `Copied and counted ${amount}`,
    `Start the receiver with STORE_URL set to ${label} and its password.`,
    `${file} stays as it was: never let a receiver work on it again, or events run twice.`,
  ].join('\n')
}

const PROBLEMS: Readonly<Record<CopyProblem, (ends: MigrationEnds) => string>> = {
  source_missing: ({ file }) =>
    `There is no file ${file}. Give the path of the receiver's database, receiver.db in its DATA_DIR.`,
  target_used: ({ label }) =>
    `${label} holds data already, of a receiver or of a copy that had ended. Nothing was changed. Give an empty database.`,
  target_changed: ({ label }) =>
    `Somebody else wrote into ${label} before the copy had ended, so nothing was copied. Keep every receiver stopped, make a new, empty database, and copy into that.`,
  taken_over: ({ label }) => `Another migrate copies into ${label}. Let it end.`,
  end_unknown: ({ label }) =>
    `${label} went away as the copy was ending: it has all of it, or nothing. Run the same command again: if it then says that there is data already, the copy is whole.`,
}

/** What an operator reads when a copy could not begin or broke off; other errors stay as they are. */
function describeMigrationProblem(error: unknown, ends: MigrationEnds): unknown {
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
    return wrongSettings(
      `${ends.label} cannot be used: ${detail.replace(/^STORE_URL: /, '')}`,
      error,
    )
  }
  if (!TEMPORARY.has(code)) return error
  return new CommandFailure(
    `The copy broke off (${detail}). Nothing of it was kept. Run the same command again: it begins anew.`,
    { cause: error },
  )
}

const TEMPORARY: ReadonlySet<ErrorCode> = new Set(['store_busy', 'store_full', 'store_closed'])
