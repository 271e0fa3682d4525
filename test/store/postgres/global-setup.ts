import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's PostgreSQL server is, or will be when the first test wants it. */
    postgresFolder: string
    runPid: number
  }
}

const STOP_MS = 10_000

/** Gives the run a folder for a PostgreSQL server, which the first test file that needs it starts. */
export function setup(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-postgres-'))
  project.provide('postgresFolder', folder)
  project.provide('runPid', process.pid)
  return async () => {
    const file = join(folder, 'keeper')
    if (existsSync(file)) await stopKeeper(Number(readFileSync(file, 'utf8')))
    rmSync(folder, { recursive: true, force: true })
  }
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
