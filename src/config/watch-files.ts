import { stat } from 'node:fs/promises'

/** By looking, because what a mounted secret's link points to changes without an event. */
const LOOK_EVERY_MS = 1_000

/**
 * Calls back when one of the files is written, replaced, made or removed, and once soon after the
 * call, because it may have changed since it was read. Answers how to end it.
 */
export function watchFiles(files: readonly string[], onChange: () => void): () => void {
  let isEnded = false
  let known: string | undefined

  async function look(): Promise<void> {
    const seen = (await Promise.all(files.map(describeFile))).join()
    if (isEnded || seen === known) return
    known = seen
    onChange()
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
    ({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`,
    (error: NodeJS.ErrnoException) => String(error.code),
  )
}
