import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { readSettings } from '../config.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { formatCount, printAnswer } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver backup /backups/receiver-2026-11-21.db
  DATA_DIR=/data mailtrap-receiver backup /data/backup.db

Copies the SQLite database as it is at one moment, while the receiver works on it or not, and checks
the copy. It never overwrites a file. The copy holds personal data: only its owner may read it, and
what is erased later stays in it.

The store is that of STORE_URL and DATA_DIR: run it with the receiver's own settings, as its user.`

export function backupCommand(context: CommandContext): Command {
  const command = new Command('backup')
    .argument('<file>', 'the copy; must not be there yet')
    .option('--config <file>', 'settings in YAML (default: CONFIG_FILE)')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXAMPLES)
    .action(async (given: string) => {
      const file = resolve(given)
      const { storeFile, storeLabel } = readSettings({ env: context.env, isSourceOptional: true })
      if (storeFile === undefined) {
        return command.error(
          `error: the store is a PostgreSQL database, which has tools of its own. Use for example:\n  pg_dump --format=custom --file=${quote(given)} ${quote(storeLabel)}`,
        )
      }
      const { bytes } = await backUpTo(storeFile, file)
      const text = `Copied and checked: ${file}, ${formatCount(bytes)} bytes.`
      await printAnswer(context, { file, bytes }, () => text)
    })
  return command
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

async function backUpTo(store: string, file: string): Promise<{ readonly bytes: number }> {
  if (!existsSync(store)) {
    throw new CommandFailure(
      `There is no database ${store}. Run this with the receiver's own DATA_DIR and STORE_URL.`,
    )
  }
  // Loaded here, so that no other command waits for SQLite.
  const { backUp } = await import('../store/sqlite/back-up.ts')
  try {
    return await backUp(store, file)
  } catch (error) {
    const { code = '', path = file } = error as NodeJS.ErrnoException
    const problem = FILE_PROBLEMS[code]
    throw problem ? new CommandFailure(`${path} ${problem}.`, { cause: error }) : error
  }
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  EEXIST: 'is there already, and nothing is overwritten. Give another name, or move it away',
  ENOENT: 'cannot be made: its folder is missing. Make the folder first',
  EACCES: 'cannot be made: this user may not write there. Give another folder',
}
