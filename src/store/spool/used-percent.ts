import { statfs } from 'node:fs/promises'

/** How full the disk of this directory is, as `df` counts: what only root may use is not free. */
export async function readUsedPercent(directory: string): Promise<number> {
  const { blocks, bfree, bavail } = await statfs(directory)
  const used = blocks - bfree
  return Math.ceil((used / Math.max(1, used + bavail)) * 100)
}
