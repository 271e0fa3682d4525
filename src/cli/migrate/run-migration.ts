import type { CopyReport } from '../../store/copy-store.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure } from '../command-failure.ts'
import { createProgress } from '../terminal/progress.ts'
import { safeLines } from '../terminal/safe-text.ts'
import { writeText } from '../terminal/write-text.ts'
import {
  describeMigration,
  describeMigrationProblem,
  type MigrationEnds,
  migrationJson,
} from './describe-migration.ts'

/** Copies, shows how it goes, and prints what came of it. */
export async function runMigration(
  ends: MigrationEnds,
  { isJson, context }: { isJson: boolean; context: CommandContext },
): Promise<void> {
  const report = await copyWithProgress(ends, context)
  const text = isJson ? JSON.stringify(migrationJson(report)) : describeMigration(report, ends)
  await writeText(context.stdout, `${text}\n`)
  if (report.outcome === 'stopped') {
    throw new CommandFailure(
      'Stopped before everything was copied. Run the same command again: it goes on where it was.',
    )
  }
}

async function copyWithProgress(ends: MigrationEnds, context: CommandContext): Promise<CopyReport> {
  const { stderr, stopped, stoppedAgain } = context
  // Loaded here, so that no other command waits for the drivers of both databases.
  const { copyStore } = await import('../../store/copy-store.ts')
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
