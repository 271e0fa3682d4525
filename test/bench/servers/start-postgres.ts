import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { Client } from 'pg'
import { findBinaries } from '../../store/postgres/find-binaries.ts'
import { spawnKeeper, waitUntilReady } from '../../store/postgres/start-server.ts'

/** A PostgreSQL server of the benchmark's own, with the defaults of its version: all is synced. */
export interface PostgresServer {
  readonly version: string
  /** Drops the database of the round before, if any, makes an empty one and answers its URL. */
  renewDatabase(): Promise<string>
  stop(): Promise<void>
}

const DATABASE = 'bench'

/** Undefined where there is none to start. */
export async function startPostgres(folder: string): Promise<PostgresServer | undefined> {
  const bin = findBinaries()
  if (!bin) return undefined
  mkdirSync(folder, { recursive: true })
  const keeper = spawnKeeper({ folder, bin, ownerPid: process.pid, isDurable: true })
  const { home } = await waitUntilReady(folder)
  const urlOf = (database: string) => `postgres://postgres@/${database}?host=${home}`
  const admin = new Client({ connectionString: urlOf('postgres') })
  await admin.connect()
  const { rows } = await admin.query('SHOW server_version')
  return {
    version: String(rows[0].server_version).split(' ')[0] ?? 'unknown',
    async renewDatabase() {
      await admin.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`)
      await admin.query(`CREATE DATABASE ${DATABASE} TEMPLATE template0 ENCODING 'UTF8'`)
      // What the round before left to be written must not be this one's work.
      await admin.query('CHECKPOINT')
      return urlOf(DATABASE)
    },
    async stop() {
      await admin.end()
      const exit = once(keeper, 'exit')
      keeper.kill('SIGTERM')
      await exit
    },
  }
}
