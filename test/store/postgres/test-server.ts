import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, inject } from 'vitest'
import { CERTIFICATES } from '../../receive/certificates.ts'
import { findBinaries } from './find-binaries.ts'
import { type ServerPlace, spawnKeeper, waitUntilReady } from './start-server.ts'
import { keepWarm } from './warm-connections.ts'

export interface TestServer {
  /** The URL of a database on this server. */
  urlOf(database: string): string
  /** The same database by connections that others have left, where the server is ours. */
  warmUrl(url: string): string
  /** Makes a database of its own and answers its URL. */
  createDatabase(): Promise<string>
  dropDatabase(url: string): Promise<void>
  /**
   * Runs one statement, as the server's owner, in this database. The session may be older: it does not
   * know what a database or a role has been given as a setting since.
   */
  execute<Row>(url: string, sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/**
 * The PostgreSQL server of this run of the tests: that of `TEST_DATABASE_URL`, else one of its own.
 * Without any, undefined on a developer's machine, after a loud word; with `CI=true` an error.
 */
export async function findTestServer(): Promise<TestServer | undefined> {
  const given = process.env['TEST_DATABASE_URL']
  if (given) return createTestServer((database) => withDatabase(given, database))
  const bin = findBinaries()
  if (!bin) return reportMissing()
  const { home } = await startOnce(inject('postgresFolder'), bin)
  const warm = await keepWarm(home)
  afterAll(warm.close)
  return createTestServer(urlIn(home), (url) => url.replace(home, warm.home))
}

/** The URL of a database whose server has its socket in this folder. */
export const urlIn = (home: string) => (database: string) =>
  `postgres://postgres@/${database}?host=${home}`

export interface SecureServer extends TestServer {
  /** The URL of a database over TCP, where a password is asked for and TLS can be had. */
  tcpUrl(url: string, user: string, password: string): string
}

/**
 * Another server of our own, with TLS (the first of the tests' certificates) and passwords.
 * Undefined where PostgreSQL is not installed, whatever `TEST_DATABASE_URL` says.
 */
export async function findSecureServer(): Promise<SecureServer | undefined> {
  const bin = findBinaries()
  if (!bin) return reportMissing()
  const folder = inject('securePostgresFolder')
  const { home, port } = await startOnce(folder, bin, () => {
    writeFileSync(join(folder, 'server.crt'), CERTIFICATES[0].cert)
    writeFileSync(join(folder, 'server.key'), CERTIFICATES[0].key)
  })
  const urlOf = (database: string) => `postgres://postgres@/${database}?host=${home}&port=${port}`
  return {
    ...createTestServer(urlOf),
    tcpUrl: (url, user, password) =>
      `postgres://${user}:${password}@127.0.0.1:${port}/${databaseOf(url)}`,
  }
}

export function reportMissing(): undefined {
  const text = 'No PostgreSQL found (initdb is not on the PATH): its tests do not run.'
  if (process.env['CI'] === 'true') throw new Error(text)
  console.warn(`\n!!! ${text} Install PostgreSQL, or set TEST_DATABASE_URL. !!!\n`)
  return undefined
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

/** Starts the server, unless another test file has; answers where it is. */
async function startOnce(folder: string, bin: string, prepare = () => {}): Promise<ServerPlace> {
  try {
    mkdirSync(join(folder, 'starting'))
    prepare()
    startKeeper(folder, bin)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return await waitUntilReady(folder)
}

/** Starts a process that keeps a server in this folder until it is told to end it. */
export function startKeeper(folder: string, bin: string): void {
  const keeper = spawnKeeper({ folder, bin, ownerPid: inject('runPid') })
  keeper.unref()
  writeFileSync(join(folder, 'keeper'), String(keeper.pid))
}

function databaseOf(url: string): string {
  return new URL(url.replace('@/', '@socket/')).pathname.slice(1)
}

export function createTestServer(
  urlOf: TestServer['urlOf'],
  warmUrl: TestServer['warmUrl'] = (url) => url,
): TestServer {
  const root = urlOf('postgres')

  async function execute<Row>(url: string, sql: string, values: readonly unknown[] = []) {
    const client = new Client({ connectionString: warmUrl(url) })
    await client.connect()
    try {
      return (await client.query(sql, [...values])).rows as Row[]
    } finally {
      await client.end()
    }
  }

  return {
    urlOf,
    warmUrl,
    execute,
    async createDatabase() {
      const name = `test_${randomUUID().replaceAll('-', '')}`
      await execute(root, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`)
      return urlOf(name)
    },
    async dropDatabase(url) {
      await execute(root, `DROP DATABASE IF EXISTS ${databaseOf(url)} WITH (FORCE)`)
    },
  }
}
