import { existsSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ErasureProgress, ErasureReport, Store } from './store.ts'
import { createTraceFinder } from './trace-finder.ts'

/** How long batches that tell of the person may take until they are unpacked. */
const PATIENCE_MS = 30_000
const LOOK_EVERY_MS = 250

export interface PersonErasingOptions {
  readonly store: Pick<Store, 'findWaiting' | 'erase' | 'wipe' | 'stats'>
  /** Batches on their way to the store, if there are such. */
  readonly findSpooled?: Store['findWaiting'] | undefined
  /** Where spools that cannot be used are put. */
  readonly spoolDirectory: string
  /** What stands for the person where the address itself was not kept. */
  readonly findPseudonyms: (recipient: string) => readonly string[]
  readonly patienceMs?: number
}

/**
 * Removes a person: from batches by waiting until they are unpacked, then from all that is stored,
 * then from the bytes of what was deleted. To be repeated when it breaks off: nothing depends on
 * how far it came.
 */
export function createPersonErasing(options: PersonErasingOptions) {
  const { store, findSpooled, spoolDirectory, findPseudonyms, patienceMs = PATIENCE_MS } = options

  async function findWaiting(traces: readonly string[], among?: readonly string[]) {
    // The spool first: what leaves it is in the store by then.
    const inSpool = (await findSpooled?.(traces, among)) ?? []
    return [...new Set([...inSpool, ...(await store.findWaiting(traces, among))])]
  }

  /** Answers how many still wait. */
  async function waitForUnpacking(traces: readonly string[]): Promise<number> {
    let ids = await findWaiting(traces)
    for (let waitedMs = 0; ids.length > 0 && waitedMs < patienceMs; waitedMs += LOOK_EVERY_MS) {
      await wait(LOOK_EVERY_MS)
      ids = await findWaiting(traces, ids)
    }
    return ids.length
  }

  async function eraseRows(traces: readonly string[], onProgress: ErasureProgress) {
    const { total } = (await store.stats()).events
    const sum = { events: 0, pieces: 0, errors: 0 }
    let seen = 0
    let after: string | undefined
    do {
      const receipt = await store.erase(after === undefined ? { traces } : { traces, after })
      sum.events += receipt.events
      sum.pieces += receipt.pieces
      sum.errors += receipt.errors
      seen += receipt.seen
      after = receipt.after
      onProgress(seen, Math.max(seen, total))
    } while (after !== undefined)
    return sum
  }

  return async (recipient: string, onProgress: ErasureProgress): Promise<ErasureReport> => {
    const forms = [...new Set([recipient, recipient.normalize('NFC'), recipient.normalize('NFD')])]
    const traces = [...forms, ...forms.flatMap(findPseudonyms)]
    const files = await removeUnusable(spoolDirectory, traces)
    const waiting = await waitForUnpacking(traces)
    const rows = await eraseRows(traces, onProgress)
    return { ...rows, files, waiting, isWiped: await store.wipe(traces) }
  }
}

const CHUNK_BYTES = 1024 * 1024
const PAGE_BYTES = 4096
/** A page that continues a long value begins with the number of the next one. */
const LINK_BYTES = 4

/**
 * Removes spools that were set aside, if they may hold one of the texts; answers how many. Nobody can
 * take a single person out of a file that cannot be used.
 */
async function removeUnusable(directory: string, texts: readonly string[]): Promise<number> {
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
