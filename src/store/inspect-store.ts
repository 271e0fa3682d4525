import { access, constants, open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { inspectPostgres } from './postgres/inspect-postgres.ts'
import { isOnContainerLayer } from './spool/container-layer.ts'
import { readUsedPercent } from './spool/used-percent.ts'

/** What was found at the place of a store, by looking only. */
export interface StoreInspection {
  /** What is right, for people. */
  readonly facts: readonly string[]
  /** Why an acknowledgement may be worth less than it should, and what to do, as sentences. */
  readonly dangers: readonly string[]
}

/** File systems that end with the machine, and such that are shared over a network. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])
const NETWORKED: ReadonlySet<number> = new Set([0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997])

const WAL = 2

/** Looks at the store of these settings; changes nothing, and may be used beside a running receiver. */
export async function inspectStore(settings: {
  readonly storeFile: string | undefined
  readonly storeUrl: string
}): Promise<StoreInspection> {
  const { storeFile, storeUrl } = settings
  return storeFile === undefined ? inspectPostgres(storeUrl) : inspectSqlite(storeFile)
}

async function inspectSqlite(file: string): Promise<StoreInspection> {
  const header = await readHeader(file)
  if (header === undefined) {
    return {
      facts: [],
      dangers: [
        `There is no database at ${file}, or this user may not read it. Run this where the receiver runs, with its settings.`,
      ],
    }
  }
  if (header[18] === WAL && header[19] === WAL) {
    const facts = ['SQLite with a write-ahead log, each acknowledgement synced to the disk']
    return { facts, dangers: [] }
  }
  const danger = `${file} keeps no write-ahead log: another program has changed it. Restart the receiver, and keep other tools away from the file.`
  return { facts: [], dangers: [danger] }
}

async function readHeader(file: string): Promise<Buffer | undefined> {
  const handle = await open(file, 'r').catch(() => undefined)
  if (!handle) return undefined
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(100), 0, 100, 0)
    return bytesRead === 100 ? buffer : undefined
  } finally {
    await handle.close()
  }
}

/** The folder in which the store's file or the spool lies. */
export interface FolderInspection {
  readonly freeBytes: number
  readonly usedPercent: number
  readonly dangers: readonly string[]
}

/** Rejects with the system's error when the folder is not there. */
export async function inspectFolder(folder: string): Promise<FolderInspection> {
  const [{ bavail, bsize, type }, usedPercent, isOnLayer, isWritable] = await Promise.all([
    statfs(folder),
    readUsedPercent(folder),
    isOnContainerLayer(folder),
    access(folder, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    ),
  ])
  const dangers = [
    ...(isWritable
      ? []
      : [`This user may not write to ${folder}. Give it to the receiver's user.`]),
    ...(IN_MEMORY.has(type)
      ? [`${folder} is in memory: a restart of the machine loses everything. Use a disk.`]
      : []),
    ...(NETWORKED.has(type)
      ? [
          `${folder} is on a network file system, whose locks and syncs cannot be relied on. Use a local disk.`,
        ]
      : []),
    ...(isOnLayer ? [`${folder} is thrown away with its container. Mount a volume there.`] : []),
  ]
  return { freeBytes: bavail * bsize, usedPercent, dangers }
}

/** The folder that matters: that of the database, or that of the spool. */
export function folderOfStore(settings: {
  readonly storeFile: string | undefined
  readonly dataDir: string
}): string {
  return settings.storeFile === undefined ? settings.dataDir : dirname(settings.storeFile)
}
