import { stat, statfs } from 'node:fs/promises'

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
