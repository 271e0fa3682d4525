import { resolve } from 'node:path'
import { Command } from 'commander'
import { labelStore, readStoreUrl, type StoreAddress } from '../config/store-url.ts'
import { WrongValue } from '../config/wrong-value.ts'
import type { CommandContext } from './command-context.ts'
import type { MigrationEnds } from './migrate/describe-migration.ts'
import { runMigration } from './migrate/run-migration.ts'
import { readSecret } from './read-secret.ts'

interface MigrateOptions {
  readonly from: string
  readonly to?: string
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  mailtrap-receiver migrate --from sqlite:./data/receiver.db --to postgres://app@db.internal/receiver
  STORE_URL_FILE=/run/secrets/store_url mailtrap-receiver migrate --from sqlite:./data/receiver.db

Stop the receiver first. Everything is copied: batches, events, jobs, quarantine and the keys that
tell duplicates. The SQLite file stays as it was. The database must be empty; its tables are made.
When it breaks off, or is stopped with Ctrl-C, the same command goes on where it was. Then start the
receiver with STORE_URL set to the database.

Without --to, the database is that of STORE_URL, or of the file that STORE_URL_FILE names. What
stands in the command line can be seen by every user of the machine: a URL with a password belongs
into the environment or a file.

Exit code 0 when everything is in the database, otherwise 1.`

export function migrateCommand(context: CommandContext): Command {
  const command = new Command('migrate')
    .description('copy everything from SQLite to PostgreSQL, to run several replicas')
    .requiredOption('--from <url>', 'the SQLite file, for example sqlite:./data/receiver.db')
    .option('--to <url>', 'the PostgreSQL database (default: STORE_URL)')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(async () => {
      const options = command.opts<MigrateOptions>()
      const ends = await readEnds(options, context.env)
      if ('problem' in ends) return command.error(`error: ${ends.problem}`)
      await runMigration(ends, { isJson: options.json === true, context })
    })
  return command
}

async function readEnds(
  { from, to }: MigrateOptions,
  env: CommandContext['env'],
): Promise<MigrationEnds | { readonly problem: string }> {
  const source = readAddress('--from', from)
  if (typeof source === 'string') return { problem: source }
  if (source.engine !== 'sqlite') return { problem: '--from has to be sqlite:<path of a file>.' }
  const url = await readSecret({ name: 'STORE_URL', given: to }, env)
  if (url === undefined) return { problem: 'say where to, with --to or STORE_URL.' }
  const name = to === undefined ? 'STORE_URL' : '--to'
  const target = readAddress(name, url)
  if (typeof target === 'string') return { problem: target }
  if (target.engine !== 'postgres') return { problem: `${name} has to be postgres://….` }
  return { file: resolve(source.path), url: target.url, label: labelStore(target.url) }
}

/** The address, or what is wrong with it. The text is never shown: it may hold a password. */
function readAddress(name: string, text: string): StoreAddress | string {
  try {
    return readStoreUrl(text)
  } catch (error) {
    if (error instanceof WrongValue) return `${name} ${error.message}`
    throw error
  }
}
