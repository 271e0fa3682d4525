import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PATIENCE_MS } from '../../patience-ms.ts'

const NOBODY = [65_534, 65_534]

/**
 * Starts a process that keeps a PostgreSQL server in `folder` until it is told to end, or until
 * `ownerPid` is gone. `isDurable`: with the server's own defaults, so that a commit is synced.
 */
export function spawnKeeper(options: {
  folder: string
  bin: string
  ownerPid: number
  isDurable?: boolean
}): ChildProcess {
  const { folder, bin, ownerPid, isDurable = false } = options
  // Another user has to reach the server's folder in it.
  chmodSync(folder, 0o755)
  const script = fileURLToPath(new URL('./keep-server.mjs', import.meta.url))
  const kind = isDurable ? 'durable' : 'quick'
  const args = [script, folder, bin, String(ownerPid), findUnprivileged().join(':'), kind]
  return spawn(process.execPath, args, { detached: true, stdio: 'ignore' })
}

export interface ServerPlace {
  /** The folder of its socket. */
  readonly home: string
  readonly port: number
}

/** Resolves when the server in `folder` takes connections. */
export async function waitUntilReady(folder: string): Promise<ServerPlace> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await wait(20)) {
    const failed = join(folder, 'failed')
    if (existsSync(failed)) throw new Error(readFileSync(failed, 'utf8'))
    const ready = join(folder, 'ready')
    if (existsSync(ready)) return JSON.parse(readFileSync(ready, 'utf8'))
  }
  throw new Error('PostgreSQL did not start.')
}

/** User and group under which a server runs where the tests run as root. */
export function findUnprivileged(): number[] {
  const users = existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8').split('\n') : []
  const found = users.find((line) => line.startsWith('postgres:'))?.split(':')
  return found ? [Number(found[2]), Number(found[3])] : NOBODY
}
