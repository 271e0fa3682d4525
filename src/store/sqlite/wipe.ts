import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { entryPoint } from '../../entry-point.ts'
import type { Database } from './driver.ts'
import type { Left, LeftQuestion } from './left-bytes.ts'
import type { Transactions } from './transactions.ts'

/** What one step overwrites; acknowledgements wait for it. */
const STEP_BYTES = 1024 * 1024

/** `free`: part of the free pages. `log`: begins the log anew. `all`: writes the whole file anew. */
export type WipeStep = 'free' | 'log' | 'all'

/**
 * Deleted rows leave their bytes on pages that are free. They are overwritten by using them: with
 * nothing but zeros, a megabyte at a time, so that no request waits long. What an interrupted one left
 * is cleaned up by the next.
 */
export function createWiping(db: Database, { onEnd }: Pick<Transactions, 'onEnd'>) {
  const readPageSize = db.prepare('PRAGMA page_size')
  const readFree = db.prepare('PRAGMA freelist_count')
  let isFilled = false

  function fill(): void {
    const { page_size: pageBytes } = readPageSize.get() as { page_size: number }
    const { freelist_count: free } = readFree.get() as { freelist_count: number }
    const bytes = Math.min(free * pageBytes, STEP_BYTES)
    if (bytes > 0) db.prepare('INSERT INTO wiped VALUES (zeroblob(?))').run(bytes)
    else
      onEnd((isKept) => {
        isFilled = isKept
      })
  }

  /** Answers whether nothing is left of the zeros. */
  function letGo(): boolean {
    db.exec('DELETE FROM wiped WHERE rowid IN (SELECT rowid FROM wiped LIMIT 16)')
    if (db.prepare('SELECT 1 FROM wiped').get() !== undefined) return false
    db.exec('DROP TABLE wiped')
    onEnd((isKept) => {
      isFilled = !isKept
    })
    return true
  }

  return {
    /** Within a transaction. Answers whether it is done, like `wipe`. */
    wipeFree(): boolean {
      if (isFilled) return letGo()
      db.exec('CREATE TABLE IF NOT EXISTS wiped (zeros BLOB) STRICT')
      fill()
      return false
    },
    /** Outside of one. Answers whether this kind of step is done; else it has to be asked again. */
    wipe(step: Exclude<WipeStep, 'free'>): boolean {
      if (step === 'log') {
        const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number }
        return busy === 0
      }
      db.exec('VACUUM')
      return true
    },
    /** What `work` deletes is overwritten at once, also on pages that become free altogether. */
    wiping<Value>(work: () => Value): Value {
      db.exec('PRAGMA secure_delete = ON')
      try {
        return work()
      } finally {
        db.exec('PRAGMA secure_delete = FAST')
      }
    },
  }
}

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

/**
 * In another process: whoever closes a file that SQLite has open in his own drops the locks by which
 * it keeps others out. The texts are nobody's to read in a list of processes.
 */
async function findLeftInStore(file: string, texts: readonly string[]): Promise<Left> {
  const { url, execArgv } = entryPoint('store/sqlite/left-bytes')
  const child = spawn(process.execPath, [...execArgv, fileURLToPath(url)], {
    env: {},
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const question: LeftQuestion = { files: [file, `${file}-wal`].filter(existsSync), texts }
  // It may end before it has read everything; its code says so.
  child.stdin.on('error', () => {})
  child.stdin.end(JSON.stringify(question))
  const [answer, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  // Who killed it, such as for want of memory, has left open whether something is there.
  if (code === null) return 'person'
  if (code !== 0) throw new Error(`the search for left bytes ended with code ${code}`)
  return JSON.parse(answer) as Left
}
