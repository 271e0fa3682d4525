import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder, and those above it that are missing; `mode` is for each of them. Step by step: where the
 * system says of a place in a folder that is there that it is not, as below /proc, Node's own `recursive`
 * asks for ever, and nothing else goes on (20.20 and 24.22: `timeout 5 node -e "fs.mkdirSync('/proc/x/y',
 * { recursive: true })"`).
 *
 * @throws what the system says where none can be made.
 */
export function makeFolder(path: string, mode?: number): void {
  if (isFolder(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent, mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    // Somebody else may have been first.
    if (!isFolder(path)) throw error
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
