import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { openDriver } from '../../../src/store/sqlite/driver.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TMPFS = 0x01021994

/** What a figure depends on. */
export interface MachineFacts {
  readonly version: string
  /** With a plus when files differ from it; `unknown` outside a checkout. */
  readonly commit: string
  readonly node: string
  readonly sqlite: string
  readonly cores: number
  readonly processor: string
  readonly startedAt: string
  /** Processes that wanted a core in the last minute: others disturb a measurement. */
  readonly loadBefore: number
  /** A sync there costs nothing, so that nothing durable is measured. */
  readonly isMemoryDisk: boolean
}

export async function describeMachine(folder: string): Promise<MachineFacts> {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string }
  return {
    version,
    commit: readCommit(),
    node: process.versions.node,
    sqlite: await readSqliteVersion(),
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    startedAt: new Date().toISOString(),
    loadBefore: loadavg()[0] ?? 0,
    isMemoryDisk: statfsSync(folder).type === TMPFS,
  }
}

function readCommit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const isClean = git('status', '--porcelain').trim() === ''
    return `${git('rev-parse', '--short', 'HEAD').trim()}${isClean ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}

async function readSqliteVersion(): Promise<string> {
  const db = await openDriver(':memory:', { isReadOnly: false })
  const { version } = db.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  db.close()
  return version
}
