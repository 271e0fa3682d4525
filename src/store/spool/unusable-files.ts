import { existsSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createTraceFinder } from '../trace-finder.ts'

const CHUNK_BYTES = 1024 * 1024
const PAGE_BYTES = 4096
/** A page that continues a long value begins with the number of the next one. */
const LINK_BYTES = 4

/**
 * Removes spools that were set aside, if they may hold one of the texts; answers how many. Nobody can
 * take a single person out of a file that cannot be used.
 */
export async function removeUnusable(directory: string, texts: readonly string[]): Promise<number> {
  if (!existsSync(directory)) return 0
  const names = readdirSync(directory).filter((name) => name.startsWith('unusable-'))
  const groups = new Set(names.map((name) => name.replace(/-(?:wal|shm)$/, '')))
  let removed = 0
  for (const group of groups) {
    const files = names
      .filter((name) => name.startsWith(group))
      .map((name) => join(directory, name))
    if (!(await mayAnyHold(files, texts))) continue
    for (const file of files) rmSync(file, { force: true })
    removed++
  }
  return removed
}

async function mayAnyHold(files: readonly string[], texts: readonly string[]): Promise<boolean> {
  for (const file of files) if (await mayHold(file, texts)) return true
  return false
}

/** A text may be cut in two by the end of a page; one of its halves is whole then. */
async function mayHold(file: string, texts: readonly string[]): Promise<boolean> {
  const finder = createTraceFinder(texts)
  const halves = texts.map((text) => text.toLowerCase()).map(cutInTwo)
  const handle = await open(file)
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES)
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES)
      if (bytesRead === 0) return false
      const bytes = buffer.subarray(0, bytesRead)
      if (finder.isInBytes(bytes) || hasHalf(bytes.toString('latin1').toLowerCase(), halves)) {
        return true
      }
    }
  } finally {
    await handle.close()
  }
}

type Halves = readonly [first: string, second: string]

function cutInTwo(text: string): Halves {
  const bytes = Buffer.from(text).toString('latin1')
  const middle = Math.ceil(bytes.length / 2)
  return [bytes.slice(0, middle), bytes.slice(middle)]
}

function hasHalf(text: string, halves: readonly Halves[]): boolean {
  if (halves.some(([first]) => text.includes(first))) return true
  for (let page = 0; page < text.length; page += PAGE_BYTES) {
    const longest = Math.max(...halves.map(([first, second]) => first.length + second.length))
    const start = text.slice(page, page + LINK_BYTES + longest)
    if (halves.some(([, second]) => start.includes(second))) return true
  }
  return false
}
