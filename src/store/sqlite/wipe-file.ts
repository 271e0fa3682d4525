import { createReadStream, existsSync, statSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
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
  if (!(await isAnyInStore(file, texts))) return true
  if (statSync(file).size > LARGEST_REWRITTEN_BYTES) return false
  await run('all')
  await beginLog(run)
  return !(await isAnyInStore(file, texts))
}

async function beginLog(run: (step: WipeStep) => Promise<boolean>): Promise<void> {
  for (let attempt = 1; attempt < LOG_ATTEMPTS; attempt++) {
    if (await run('log')) return
    await wait(LOG_PAUSE_MS)
  }
}

async function isAnyInStore(file: string, texts: readonly string[]): Promise<boolean> {
  for (const one of [file, `${file}-wal`]) {
    if (existsSync(one) && (await isAnyInFile(one, texts))) return true
  }
  return false
}

/** Looks for texts among the bytes of a file, without regard to the case of letters. */
export async function isAnyInFile(file: string, texts: readonly string[]): Promise<boolean> {
  const wanted = texts.map((text) => Buffer.from(text.toLowerCase()).toString('latin1'))
  const overlap = Math.max(...wanted.map((text) => text.length)) - 1
  let tail = ''
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const text = tail + lowerAscii((chunk as Buffer).toString('latin1'))
    if (wanted.some((one) => text.includes(one))) return true
    tail = text.slice(-overlap)
  }
  return false
}

/** Of the bytes of a text beyond ASCII, none may become another. */
function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
