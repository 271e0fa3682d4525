import { mkdirSync, rmSync } from 'node:fs'
import type { BenchOptions, NamedReceiver } from '../bench-options.ts'
import type { LoadClient } from '../load/start-load-client.ts'
import { profileFlags } from '../servers/profile-flags.ts'
import { type Receiver, startReceiver } from '../servers/start-receiver.ts'

/** What every round is measured with. */
export interface Means {
  readonly client: LoadClient
  readonly options: BenchOptions
  /** Emptied by each use. */
  readonly folder: string
  /** What is measured now. */
  say(what: string): void
  /** What could not be measured, and why; the others go on. */
  fail(what: string, error: unknown): void
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

export interface ReceiverUse {
  readonly receiver: NamedReceiver
  /** Names its profiles. */
  readonly part: string
  readonly storeUrl?: string
  readonly handlers?: number
  /** Where a store is already; default: an empty folder. */
  readonly folder?: string
}

/** Starts it, and stops it whatever comes. `read` sees what it left. */
export async function withReceiver<Figures, Result = Figures>(
  means: Means,
  use: ReceiverUse,
  measure: (receiver: Receiver) => Promise<Figures>,
  read = (figures: Figures, _folder: string) => figures as unknown as Result,
): Promise<Result> {
  const { receiver, part, storeUrl, handlers } = use
  const run = async (folder: string) => {
    const nodeFlags = profileFlags(means.options.profileFolder, `${receiver.name}-${part}`)
    const entry = receiver.file
    const server = await startReceiver({ entry, folder, storeUrl, handlers, nodeFlags })
    const figures = await stopping(server, measure)
    return read(figures, folder)
  }
  return use.folder ? run(use.folder) : withEmptyFolder(means.folder, run)
}

export async function stopping<Server extends { stop(): Promise<void> }, Figures>(
  server: Server,
  measure: (server: Server) => Promise<Figures>,
): Promise<Figures> {
  try {
    return await measure(server)
  } finally {
    await server.stop()
  }
}

/** Undefined, and told, when it cannot be measured: the rest of a long run is worth having. */
export async function attempt<Figures>(
  means: Means,
  what: string,
  measure: () => Promise<Figures>,
): Promise<Figures | undefined> {
  means.say(what)
  try {
    return await measure()
  } catch (error) {
    means.fail(what, error)
    return undefined
  }
}
