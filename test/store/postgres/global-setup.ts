import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's PostgreSQL server is, or will be when the first test wants it. */
    postgresFolder: string
    /** The same for a server with TLS and passwords. */
    securePostgresFolder: string
    runPid: number
  }
}

const STOP_MS = 60_000

/** Gives the run folders for its PostgreSQL servers; the first test file that needs one starts it. */
export function setup(project: TestProject): () => Promise<void> {
  const folders = ['receiver-postgres-', 'receiver-secure-postgres-'].map((prefix) =>
    mkdtempSync(join(tmpdir(), prefix)),
  )
  const [folder = '', secureFolder = ''] = folders
  project.provide('postgresFolder', folder)
  project.provide('securePostgresFolder', secureFolder)
  project.provide('runPid', process.pid)
  return async () => {
    await Promise.all(folders.map(remove))
  }
}

async function remove(folder: string): Promise<void> {
  const file = join(folder, 'keeper')
  if (existsSync(file)) await stopKeeper(Number(readFileSync(file, 'utf8')))
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}

async function stopKeeper(pid: number): Promise<void> {
  const deadline = Date.now() + STOP_MS
  try {
    for (let signal: NodeJS.Signals | 0 = 'SIGTERM'; Date.now() < deadline; signal = 0) {
      process.kill(pid, signal)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } catch {
    // It has ended.
  }
}
