import { existsSync, statSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { findLeft, type Left } from './left-bytes.ts'
import type { WipeStep } from './wipe.ts'

/** Writing a larger file anew would hold up acknowledgements for too long, and takes its memory. */
const LARGEST_REWRITTEN_BYTES = 64 * 1024 * 1024

/** A reader in the middle of a search keeps the log. */
const LOG_ATTEMPTS = 40
const LOG_PAUSE_MS = 50

/**
 * Wipes the file of deleted bytes, then looks whether one of the texts can still be found in it:
 * that, and not the reasoning behind the steps, is what counts.
 */
export async function wipeFile(
  file: string,
  texts: readonly string[],
  run: (step: WipeStep) => Promise<boolean>,
): Promise<boolean> {
  while (!(await run('free')));
  await beginLog(run)
  if ((await findLeftInStore(file, texts)) === 'nothing') return true
  if (statSync(file).size > LARGEST_REWRITTEN_BYTES) return false
  await run('all')
  await beginLog(run)
  // Now there are only rows, and each was looked at: letters beside the text make another's address.
  return (await findLeftInStore(file, texts)) !== 'person'
}

async function beginLog(run: (step: WipeStep) => Promise<boolean>): Promise<void> {
  for (let attempt = 1; attempt < LOG_ATTEMPTS; attempt++) {
    if (await run('log')) return
    await wait(LOG_PAUSE_MS)
  }
}

function findLeftInStore(file: string, texts: readonly string[]): Promise<Left> {
  return findLeft([file, `${file}-wal`].filter(existsSync), texts)
}
