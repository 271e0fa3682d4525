import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ReceiverError } from '../../errors.ts'
import { makeFolder } from '../../make-folder.ts'
import { type Database, isBusy, openDriver, translateError } from './driver.ts'
import { makeFile, namingFile } from './open-database.ts'

export const lockFileOf = (directory: string): string => `${directory}/receiver.lock`

/** How long the process before may take to let go: it has up to 9 s for its stop. */
export interface LockPatience {
  readonly waitMs: number
  readonly onWarning?: (text: string) => void
}
export const RECEIVER_WAIT_MS = 10_000
const LOOK_AGAIN_MS = 100

/**
 * Holds the data directory for this process. The lock is the operating system's, on a SQLite file
 * of its own, so it ends with the process, however that ends. Close the answer to let go.
 */
export async function lockDataDirectory(
  directory: string,
  patience: LockPatience = { waitMs: 0 },
): Promise<Database> {
  const file = lockFileOf(directory)
  try {
    makeFolder(directory, 0o700)
    return await lockWithin(file, patience)
  } catch (cause) {
    if (isBusy(cause)) throw new ReceiverError('store_locked', { detail: directory, cause })
    const error = translateError(cause)
    if (error.code !== 'store_corrupt') throw namingFile(error, file)
    // It is always empty. Whatever was written into it was written by somebody else, not by a holder.
    rmSync(file)
    return await lockFile(file)
  }
}

const describeWait = (directory: string, waitMs: number) =>
  `Another receiver works on ${directory}: waiting for its end, ${waitMs / 1_000} s at the most.`

async function lockWithin(file: string, { waitMs, onWarning }: LockPatience): Promise<Database> {
  const until = performance.now() + waitMs
  for (let isTold = false; ; isTold = true) {
    try {
      return await lockFile(file)
    } catch (error) {
      if (!isBusy(error) || performance.now() >= until) throw error
    }
    if (!isTold) onWarning?.(describeWait(dirname(file), waitMs))
    await setTimeout(LOOK_AGAIN_MS)
  }
}

async function lockFile(file: string): Promise<Database> {
  makeFile(file)
  const lock = await openDriver(file, { isReadOnly: false })
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}
