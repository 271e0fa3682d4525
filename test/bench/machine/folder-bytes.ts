import { readdirSync, statSync } from 'node:fs'

/** What the files of a folder take on the disk. */
export function readFolderBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  return files
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + statSync(`${file.parentPath}/${file.name}`).blocks * 512, 0)
}
