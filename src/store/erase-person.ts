import { existsSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
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
  /** Where files of the spool are put that cannot be read. */
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

/**
 * Removes what the spool has set aside, if it may hold one of the texts; answers how many files. Nobody
 * can take a single person out of what cannot be read.
 */
async function removeUnusable(directory: string, texts: readonly string[]): Promise<number> {
  if (!existsSync(directory)) return 0
  const finder = createTraceFinder(texts)
  let removed = 0
  for (const name of readdirSync(directory).filter((one) => one.startsWith('unusable-'))) {
    const file = join(directory, name)
    if (!finder.isInBytes(await readFile(file))) continue
    rmSync(file)
    removed++
  }
  return removed
}
