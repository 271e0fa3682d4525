import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { findUnprivileged } from './start-server.ts'
import type { TestServer } from './test-server.ts'

/** Fewer than a store has, so that its connections take turns on those of the server. */
const SERVER_CONNECTIONS = 6
const PORT = 6_432
const START_MS = 90_000

/** PgBouncer in transaction mode before the test server. */
export interface Bouncer {
  /** The same database, through it. */
  urlOf(url: string): string
  stop(): void
}

/** Undefined where PgBouncer is not installed, or the server is not ours; after a loud word. */
export function findBouncer(): string | undefined {
  if (process.env['TEST_DATABASE_URL']) {
    console.warn('\n!!! TEST_DATABASE_URL is set: the tests behind PgBouncer do not run. !!!\n')
    return undefined
  }
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  const found = folders.map((folder) => join(folder, 'pgbouncer')).find(existsSync)
  if (!found)
    console.warn(
      '\n!!! No PgBouncer found: the tests behind it do not run. Install pgbouncer. !!!\n',
    )
  return found
}

export async function startBouncer(binary: string, server: TestServer): Promise<Bouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-bouncer-'))
  const home = new URL(server.urlOf('postgres').replace('@/', '@host/')).searchParams.get('host')
  const settings = [
    '[databases]',
    `* = host=${home} port=5432`,
    '[pgbouncer]',
    'pool_mode = transaction',
    `default_pool_size = ${SERVER_CONNECTIONS}`,
    'max_client_conn = 200',
    'auth_type = trust',
    `auth_file = ${join(folder, 'users')}`,
    'listen_addr =',
    `listen_port = ${PORT}`,
    `unix_socket_dir = ${folder}`,
  ]
  writeFileSync(join(folder, 'settings'), `${settings.join('\n')}\n`)
  writeFileSync(join(folder, 'users'), '"postgres" ""\n')
  // It refuses to run as root, as the server does.
  const [uid = 0, gid = 0] = findUnprivileged()
  const identity = process.getuid?.() === 0 ? { uid, gid } : {}
  if (process.getuid?.() === 0) chownSync(folder, uid, gid)
  chmodSync(folder, 0o755)
  const child = spawn(binary, ['-q', join(folder, 'settings')], { ...identity, stdio: 'ignore' })
  await waitForSocket(join(folder, `.s.PGSQL.${PORT}`), child)
  return {
    urlOf: (url) => url.replace(`host=${home}`, `host=${folder}&port=${PORT}`),
    stop() {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function waitForSocket(socket: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + START_MS; !existsSync(socket); await wait(20)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`PgBouncer did not start (${child.exitCode}).`)
    }
  }
}
