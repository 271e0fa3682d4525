import { existsSync } from 'node:fs'
import { access, constants, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isOnContainerLayer, readUsedPercent } from './spool/spool-folder.ts'
import { type Database, openDriver } from './sqlite/driver.ts'
import { closing, tryToOpen } from './sqlite/open-database.ts'

/** What was found at the place of a store, by looking only. */
export interface StoreInspection {
  /** What is right, for people. */
  readonly facts: readonly string[]
  /** Why an acknowledgement may be worth less than it should, and what to do, as sentences. */
  readonly dangers: readonly string[]
}

/** File systems that end with the machine, and such that are shared over a network. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])
/** NFS, SMB in its versions, 9P, and FUSE, which may be anything: object storage, a network, another machine's disk. */
const NETWORKED: ReadonlySet<number> = new Set([
  ...[0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546],
])

/** Where a store is: its file, or else its server. */
interface StorePlace {
  readonly storeFile: string | undefined
  readonly storeUrl: string
}

/** Looks at the store of these settings; changes nothing, and may be used beside a running receiver. */
export const inspectStore = ({ storeFile, storeUrl }: StorePlace): Promise<StoreInspection> =>
  storeFile === undefined ? inspectPostgres(storeUrl) : inspectSqlite(storeFile)

/** Rejects with what would end a start on the store of these settings; changes nothing. */
export async function tryStore({ storeFile, storeUrl }: StorePlace): Promise<void> {
  await (storeFile === undefined ? inspectPostgres(storeUrl) : tryToOpen(storeFile))
}

async function inspectSqlite(file: string): Promise<StoreInspection> {
  const mode = await readJournalMode(file)
  if (mode === 'wal') {
    const facts = ['SQLite with a write-ahead log, each acknowledgement synced to the disk']
    return { facts, dangers: [] }
  }
  const danger =
    mode === undefined
      ? `There is no database at ${file}, or this user may not read it. Run this where the receiver runs, with its settings.`
      : `${file} keeps no write-ahead log: another program has changed it. Restart the receiver, and keep other tools away from the file.`
  return { facts: [], dangers: [danger] }
}

/** Asked by a connection that only reads: whoever opened the file himself would drop locks on it. */
async function readJournalMode(file: string): Promise<string | undefined> {
  if (!existsSync(file)) return undefined
  const read = (db: Database) =>
    (db.prepare('PRAGMA journal_mode').get() as { journal_mode: string }).journal_mode
  return await closing(openDriver(file, { isReadOnly: true }), read).catch(() => undefined)
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
    ...describeFileSystem(folder, type),
    ...(isOnLayer ? [`${folder} is thrown away with its container. Mount a volume there.`] : []),
  ]
  return { freeBytes: bavail * bsize, usedPercent, dangers }
}

/** Why what is written there may be lost, by the kind of file system. */
export function describeFileSystem(folder: string, type: number): string[] {
  if (IN_MEMORY.has(type)) {
    return [`${folder} is in memory: a restart of the machine loses everything. Use a disk.`]
  }
  if (!NETWORKED.has(type)) return []
  return [
    `${folder} is on a network file system or on FUSE, whose locks and syncs cannot be relied on. Use a local disk.`,
  ]
}

/** The folder that matters: that of the database, or that of the spool. */
export function folderOfStore(settings: {
  readonly storeFile: string | undefined
  readonly dataDir: string
}): string {
  return settings.storeFile === undefined ? settings.dataDir : dirname(settings.storeFile)
}

/** Asks the server for the settings on which durability rests. Rejects as an opening would, and makes nothing. */
async function inspectPostgres(url: string): Promise<StoreInspection> {
  // Loaded when it is wanted: who keeps a file needs no driver of the server.
  const [{ findTables }, { checkServer, explainOpening }, { createTransactions }] =
    await Promise.all([
      import('./postgres/migrate.ts'),
      import('./postgres/open-database.ts'),
      import('./postgres/transactions.ts'),
    ])
  const transactions = createTransactions(() => url, { connections: 1, random: Math.random })
  const dangers: string[] = []
  try {
    await checkServer(transactions, (text) => dangers.push(text))
    await findTables(transactions)
    const facts = dangers.length === 0 ? ['PostgreSQL with fsync and synchronous_commit'] : []
    return { facts, dangers }
  } catch (error) {
    throw explainOpening(error)
  } finally {
    await transactions.close()
  }
}
