import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { COMMANDS, type StoreCommand, type StoreUnderTest } from './model/commands.ts'
import { createStoreModel } from './model/store-model.ts'

/** What the model's suite needs of an engine. */
export interface CrashHarness {
  /** True where leases are rows: they outlive the process that held them. */
  readonly keepsLeases: boolean
  /** A store on nothing yet. */
  open(): Promise<Store>
  /** Ends the store without ceremony and opens what it left. */
  crash(store: Store): Promise<Store>
  /** Closes the store and removes all it left. */
  dispose(store: Store): Promise<void>
}

/** `MODEL_RUNS=500` looks longer; without it, the time is bounded as well. */
const GIVEN_RUNS = process.env['MODEL_RUNS']
const RUNS = Number(GIVEN_RUNS ?? 12)
const MOST_COMMANDS = 80
const MOST_MS = GIVEN_RUNS ? RUNS * 10_000 : 8_000

/** Drives a store and the model of it through the same random life; each engine runs it. */
export function describeStoreModel(engine: string, harness: CrashHarness): void {
  describe(`a store on ${engine}, whatever happens in whatever order`, () => {
    it('holds what the model of a store holds', { timeout: MOST_MS + 60_000 }, async () => {
      const commands = fc.commands(COMMANDS, { maxCommands: MOST_COMMANDS, size: 'max' })
      await fc.assert(
        fc.asyncProperty(commands, (drawn) => live(harness, drawn)),
        { numRuns: RUNS, interruptAfterTimeLimit: MOST_MS },
      )
    })
  })
}

async function live(harness: CrashHarness, commands: Iterable<StoreCommand>): Promise<void> {
  const real: StoreUnderTest = { store: await harness.open(), crash: harness.crash }
  const model = createStoreModel(harness.keepsLeases)
  try {
    await fc.asyncModelRun(() => ({ model, real }), commands)
  } finally {
    await harness.dispose(real.store)
  }
}
