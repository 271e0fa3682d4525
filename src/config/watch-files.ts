import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'

/** By looking, because what a mounted secret's link points to changes without an event. */
const LOOK_EVERY_MS = 1_000

/**
 * Calls back when one of the files is written, replaced, made or removed, and once soon after the
 * call, because it may have changed since it was read; `isFirst` tells that one. Answers how to end it.
 */
export function watchFiles(
  files: readonly string[],
  onChange: (isFirst: boolean) => void,
): () => void {
  let isEnded = false
  let known: string | undefined

  async function look(): Promise<void> {
    const seen = (await Promise.all(files.map(describeFile))).join()
    if (isEnded || seen === known) return
    const isFirst = known === undefined
    known = seen
    onChange(isFirst)
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS).unref()
  void look()
  return () => {
    isEnded = true
    clearInterval(timer)
  }
}

async function describeFile(path: string): Promise<string> {
  return stat(path).then(
    ({ ino, size, mtimeMs, nlink }) => `${ino}:${size}:${mtimeMs}:${nlink === 0}`,
    (error: NodeJS.ErrnoException) => String(error.code),
  )
}

/**
 * Those of the files that have no name any more: somebody has put another in their place, and what is
 * mounted here is the old one. So it is with a file that is mounted by itself, not with its folder.
 */
export async function findReplaced(files: readonly string[]): Promise<string[]> {
  const looks = await Promise.allSettled(files.map((path) => stat(path)))
  const links = looks.map((look) => (look.status === 'fulfilled' ? look.value.nlink : undefined))
  return files.filter((_, index) => links[index] === 0)
}

/** Of all they hold; a file that cannot be read counts as empty. */
export function digestFiles(files: readonly string[]): string {
  const digest = createHash('sha256')
  for (const path of files) digest.update(`${path}\0`).update(readIfThere(path)).update('\0')
  return digest.digest('hex')
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
