import { mkdirSync, rmSync } from 'node:fs'
import type { BenchOptions } from './bench-options.ts'
import type { LoadClient } from './load/start-load-client.ts'

/** What every round is measured with. */
export interface Means {
  readonly client: LoadClient
  readonly options: BenchOptions
  /** Emptied by each use. */
  readonly folder: string
}

export async function withEmptyFolder<Value>(
  folder: string,
  work: (folder: string) => Promise<Value>,
): Promise<Value> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const value = await work(folder)
  rmSync(folder, { recursive: true, force: true })
  return value
}
