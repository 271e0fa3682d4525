import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ReceiverError } from '../../errors.ts'
import type { Batch } from '../../model.ts'
import { lockDataDirectory, RECEIVER_WAIT_MS } from '../sqlite/data-lock.ts'
import { translateError } from '../sqlite/driver.ts'
import type { Archive } from '../store.ts'
import { createTraceFinder } from '../trace-finder.ts'

/** A batch that waits, and the number of its file. */
export type SpooledBatch = Batch & { readonly file: number }

/** Batches in a folder of this process alone, each in a file of its own. */
export type BatchFiles = ReturnType<typeof serve> & { close(): void }

/** A file that cannot be read was moved to this place. */
export type OnSetAside = (place: string, reason: ReceiverError) => void

/** So many are written at once: a disk that hangs is to keep some of Node's threads for all else. */
const LANES = 2

const NUMBERED = /^\d{12}\.batch$/
const UNFINISHED = '.unfinished'

/** What a file begins with, as a line of JSON; then comes the body. */
type Head = Omit<Batch, 'body'>

interface Folder {
  readonly directory: string
  /** What waits: the number and the size of each file, in order. */
  readonly sizes: Map<number, number>
  readonly onSetAside: OnSetAside
}

/**
 * Takes the folder for this process. A batch gets its name once its bytes are on disk, so whatever
 * has one is whole; the number tells the order in which they came.
 */
export async function openBatchFiles(
  directory: string,
  onSetAside: OnSetAside,
  waitMs = RECEIVER_WAIT_MS,
): Promise<BatchFiles> {
  const lock = await lockDataDirectory(directory, { waitMs })
  try {
    await syncFolder(dirname(directory))
    tidy(directory, onSetAside)
    const folder = { directory, sizes: readSizes(directory), onSetAside }
    return { ...serve(folder), close: () => lock.close() }
  } catch (cause) {
    lock.close()
    throw translateError(cause)
  }
}

/** What was not finished was not acknowledged. A version before this one kept a database here. */
function tidy(directory: string, onSetAside: OnSetAside): void {
  for (const name of readdirSync(directory)) {
    if (name.endsWith(UNFINISHED)) rmSync(join(directory, name), { force: true })
    if (!name.startsWith('spool.db')) continue
    const place = join(directory, `unusable-${name}`)
    renameSync(join(directory, name), place)
    const detail = 'the database of another version'
    if (name === 'spool.db') onSetAside(place, new ReceiverError('store_corrupt', { detail }))
  }
}

function readSizes(directory: string): Map<number, number> {
  const names = readdirSync(directory).filter((name) => NUMBERED.test(name))
  const sizeOf = (name: string) => statSync(join(directory, name)).size
  return new Map(names.sort().map((name) => [Number.parseInt(name, 10), sizeOf(name)]))
}

/** Also of what was set aside: another of the same number would be put in its place. */
function readLastNumber(directory: string): number {
  const numbers = readdirSync(directory).map((name) =>
    Number(/(\d{12})\.batch$/.exec(name)?.[1] ?? 0),
  )
  return numbers.reduce((last, number) => Math.max(last, number), 0)
}

function serve(folder: Folder) {
  const { directory, sizes } = folder
  const queue = [...sizes.keys()]
  const lanes = Array.from({ length: LANES }, () => Promise.resolve())
  let last = readLastNumber(directory)
  let placed = Promise.resolve()

  return {
    /** Resolves once the batch is on disk. */
    append(batch: Batch): Promise<void> {
      const file = ++last
      const lane = file % LANES
      const before = lanes[lane] as Promise<void>
      const written = before.then(() => translating(writeBatch(pathOf(directory, file), batch)))
      lanes[lane] = written.then(
        () => {},
        () => {},
      )
      // They go on in the order in which they came.
      const kept = placed.then(async () => {
        sizes.set(file, await written)
        queue.push(file)
      })
      placed = kept.catch(() => {})
      return kept
    },
    /** The oldest that was not taken before. */
    async take(): Promise<SpooledBatch | undefined> {
      for (let file = queue[0]; file !== undefined; file = queue[0]) {
        const batch = sizes.has(file) ? await translating(readBatch(folder, file)) : undefined
        queue.shift()
        if (batch) return batch
      }
      return undefined
    },
    async drop({ file }: SpooledBatch): Promise<void> {
      sizes.delete(file)
      await translating(rm(pathOf(directory, file)))
    },
    /** How many there are, those that were taken included. */
    count: () => sizes.size,
    /** What they take on the disk. */
    bytes: () => [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
    /** Proves that a write reaches the disk. */
    async probe(): Promise<void> {
      const path = join(directory, `probe${UNFINISHED}`)
      await translating(writeSynced(path, ['probe']).finally(() => rm(path, { force: true })))
    },
    findWaiting: (...asked: Parameters<Archive['findWaiting']>) => findWaiting(folder, ...asked),
  }
}

const pathOf = (directory: string, file: number): string =>
  join(directory, `${String(file).padStart(12, '0')}.batch`)

/** Answers the size of the file. */
async function writeBatch(path: string, { body, ...head }: Batch): Promise<number> {
  const line = Buffer.from(`${JSON.stringify(head satisfies Head)}\n`)
  const unfinished = `${path}${UNFINISHED}`
  try {
    await writeSynced(unfinished, [line, body])
    await rename(unfinished, path)
    await syncFolder(dirname(path))
    return line.byteLength + body.byteLength
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {})
    throw error
  }
}

/** Undefined where it was moved aside, for somebody who may want to look what can be saved. */
async function readBatch(
  { directory, sizes, onSetAside }: Folder,
  file: number,
): Promise<SpooledBatch | undefined> {
  const path = pathOf(directory, file)
  try {
    const bytes = await readFile(path)
    const end = bytes.indexOf('\n')
    const head = JSON.parse(bytes.subarray(0, end).toString()) as Head
    if (typeof head.id !== 'string') throw new SyntaxError('no batch')
    // Whether the body is damaged is found out where it is unpacked, like that of any other.
    return { ...head, body: bytes.subarray(end + 1), file }
  } catch (cause) {
    const isDamaged = !('code' in (cause as Error)) || codeOf(cause) === 'EIO'
    if (!isDamaged) throw cause
    const place = join(directory, `unusable-${basename(path)}`)
    await rename(path, place)
    sizes.delete(file)
    const detail = cause instanceof SyntaxError ? 'it is no batch' : String(cause)
    onSetAside(place, new ReceiverError('store_corrupt', { detail, cause }))
    return undefined
  }
}

async function findWaiting(
  folder: Folder,
  traces: readonly string[],
  among?: readonly string[],
): Promise<readonly string[]> {
  const finder = createTraceFinder(traces)
  const found: string[] = []
  for (const file of [...folder.sizes.keys()]) {
    const batch = await translating(readBatch(folder, file)).catch((error: unknown) => {
      // The store has it by now.
      if (folder.sizes.has(file)) throw error
    })
    if (!batch || !(among?.includes(batch.id) ?? true)) continue
    if (finder.isInBytes(batch.body)) found.push(batch.id)
  }
  return found
}

async function writeSynced(path: string, parts: readonly (string | Uint8Array)[]): Promise<void> {
  const handle = await open(path, 'w', 0o600)
  try {
    for (const part of parts) await handle.writeFile(part)
    await sync(handle)
  } finally {
    await handle.close()
  }
}

/** A file is only found again after a power cut once its folder is on disk as well. */
async function syncFolder(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await sync(handle)
  } finally {
    await handle.close()
  }
}

async function sync(handle: FileHandle): Promise<void> {
  try {
    await handle.sync()
  } catch (cause) {
    if (codeOf(cause) !== 'EIO') throw cause
    throw new ReceiverError('store_broken', { detail: (cause as Error).message, cause })
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

async function translating<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (cause) {
    const isGone = codeOf(cause) === 'ENOENT'
    throw isGone
      ? new ReceiverError('store_gone', { detail: (cause as Error).message, cause })
      : translateError(cause)
  }
}
