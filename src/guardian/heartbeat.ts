import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** When we were well last, kept over restarts: so a start knows how long nobody answered. */
export interface Heartbeat {
  /** Milliseconds since 1970; undefined on a first start. */
  read(): Promise<number | undefined>
  /** Never rejects: without it a start only knows less. */
  write(at: number): Promise<void>
}

/** Kept in a file, which is made with its folder. */
export function createHeartbeat(file: string): Heartbeat {
  return {
    async read() {
      const text = await readFile(file, 'utf8').catch(() => '')
      const at = Date.parse(text.trim())
      return Number.isNaN(at) ? undefined : at
    },
    async write(at) {
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 })
        await writeFile(`${file}.new`, `${new Date(at).toISOString()}\n`, { mode: 0o600 })
        await rename(`${file}.new`, file)
      } catch {
        // The disk is full or gone, which the store tells.
      }
    },
  }
}
