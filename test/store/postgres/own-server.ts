import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, vi } from 'vitest'
import { findBinaries } from './find-binaries.ts'
import { waitUntilReady } from './start-server.ts'
import {
  createTestServer,
  reportMissing,
  startKeeper,
  type TestServer,
  urlIn,
} from './test-server.ts'

const SOON = { interval: 20 }

/** A PostgreSQL server of a test file's own, to which anything may be done. */
export interface OwnServer extends TestServer {
  /** Ends it in the middle of whatever it does, as `pg_ctl stop -m immediate`. */
  stopAtOnce(): Promise<void>
  start(): Promise<void>
  /** All its processes stand still; connections stay, and nothing answers. */
  freeze(): Promise<void>
  thaw(): void
  /** Another server that follows this one; commits wait for it. */
  addStandby(): Promise<OwnServer>
  remove(): Promise<void>
}

/** Whether servers can be started here. Loud where not, and an error with `CI=true`. */
export const canStartServers = (): boolean => findBinaries() !== undefined || !!reportMissing()

export const startOwnServer = (): Promise<OwnServer> =>
  startIn(mkdtempSync(join(tmpdir(), 'receiver-postgres-')))

async function startIn(folder: string): Promise<OwnServer> {
  const bin = findBinaries() ?? ''
  startKeeper(folder, bin)
  const { home } = await waitUntilReady(folder)
  const server = createTestServer(urlIn(home))
  const root = server.urlOf('postgres')
  const [stopped, away] = [join(folder, 'stopped'), join(folder, 'away')]
  const readMainPid = () =>
    Number(readFileSync(join(home, 'data/postmaster.pid'), 'utf8').split('\n')[0])
  let frozen: number[] = []

  async function stopAtOnce(): Promise<void> {
    rmSync(away, { force: true })
    writeFileSync(stopped, '')
    process.kill(readMainPid(), 'SIGQUIT')
    // By its keeper, who would take an end of which it hears too late for one that nobody wanted.
    await vi.waitFor(() => expect(existsSync(away)).toBe(true), SOON)
  }

  async function start(): Promise<void> {
    rmSync(stopped)
    await vi.waitFor(() => server.execute(root, 'SELECT 1'), SOON)
  }

  async function freeze(): Promise<void> {
    const client = new Client({ connectionString: root })
    client.on('error', () => {})
    await client.connect()
    frozen = [readMainPid()]
    // It starts no more processes; those it has are known to the one that is ours.
    process.kill(frozen[0] ?? 0, 'SIGSTOP')
    const { rows } = await client.query('SELECT pid FROM pg_stat_activity')
    frozen.push(...rows.map(({ pid }) => Number(pid)))
    for (const pid of frozen.slice(1)) process.kill(pid, 'SIGSTOP')
    client.connection.stream.destroy()
  }

  function thaw(): void {
    for (const pid of frozen) process.kill(pid, 'SIGCONT')
    frozen = []
  }

  async function addStandby(): Promise<OwnServer> {
    const another = mkdtempSync(join(tmpdir(), 'receiver-standby-'))
    const copy = join(another, 'copied')
    await stopAtOnce()
    // With its owner, who is not ours; the programs for a copy while it runs are not everywhere.
    execFileSync('cp', ['-a', `${home}/data/.`, copy])
    writeFileSync(join(copy, 'standby.signal'), '')
    const way = `primary_conninfo = 'host=${home} user=postgres'\n`
    appendFileSync(join(copy, 'postgresql.auto.conf'), way)
    await start()
    const standby = await startIn(another)
    await server.execute(root, `ALTER SYSTEM SET synchronous_standby_names = '*'`)
    await server.execute(root, 'SELECT pg_reload_conf()')
    const following = `SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`
    await vi.waitFor(async () => {
      expect(await server.execute(root, following)).toHaveLength(1)
    }, SOON)
    return standby
  }

  async function remove(): Promise<void> {
    thaw()
    const keeper = Number(readFileSync(join(folder, 'keeper'), 'utf8'))
    if (isAlive(keeper)) process.kill(keeper, 'SIGTERM')
    await vi.waitFor(() => expect(isAlive(keeper) && existsSync(home)).toBe(false), SOON)
    rmSync(folder, { recursive: true, force: true })
  }

  return { ...server, stopAtOnce, start, freeze, thaw, addStandby, remove }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
