import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** The database, and what SQLite may have put beside it. */
const ENDINGS = ['-wal', '-shm', ''] as const

export const spoolPath = (directory: string): string => join(directory, 'spool.db')

/**
 * Moves the spool out of the way, for somebody who may want to look what can be saved; answers
 * where it is. The log keeps its name beside the database, or SQLite would not find it.
 */
export function setAside(directory: string, now: number): string {
  const time = new Date(now).toISOString().replaceAll(/[-:.]/g, '')
  const aside = join(directory, `unusable-${time}.db`)
  for (const ending of ENDINGS) {
    const file = `${spoolPath(directory)}${ending}`
    if (existsSync(file)) renameSync(file, `${aside}${ending}`)
  }
  const descriptor = openSync(directory, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
  return aside
}

/** What the spool takes on the disk. */
export function readSpoolBytes(directory: string): number {
  const sizes = ENDINGS.map(
    (ending) => statSync(`${spoolPath(directory)}${ending}`, { throwIfNoEntry: false })?.size ?? 0,
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** The database first: a log without one is nothing, a database without its log may be torn. */
export function removeSpool(directory: string): void {
  for (const ending of ENDINGS.toReversed()) {
    rmSync(`${spoolPath(directory)}${ending}`, { force: true })
  }
}

/** How full the disk of this directory is, as `df` counts: what only root may use is not free. */
export async function readUsedPercent(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(directory)
  const used = blocks - bfree
  return Math.ceil((used / Math.max(1, used + bavail)) * 100)
}

/** File systems of which containers make their own layer: overlay, aufs, and overlay by FUSE. */
const LAYERED: ReadonlySet<number> = new Set([0x794c7630, 0x61756673, 0x65735546])

/** How places are asked for; tests have no container. */
export interface Places {
  stat(path: string): Promise<{ dev: number }>
  statfs(path: string): Promise<{ type: number }>
}

/** Whether this directory is on the layer that is thrown away with its container. */
export async function isOnContainerLayer(
  directory: string,
  places: Places = { stat, statfs },
): Promise<boolean> {
  const [own, root, { type }] = await Promise.all([
    places.stat(directory),
    places.stat('/'),
    places.statfs('/'),
  ])
  return own.dev === root.dev && LAYERED.has(type)
}
