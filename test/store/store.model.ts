import fc from 'fast-check'
import { describe, it } from 'vitest'
import { COMMANDS, HANDLERS, type StoreCommand, type StoreUnderTest } from './model/commands.ts'
import { createStoreModel } from './model/store-model.ts'
import type { StoreHarness } from './store-harness.ts'

/** `MODEL_RUNS=500` looks longer, without a limit of time; `MODEL_SEED` and `MODEL_PATH` go the same way again. */
const GIVEN_RUNS = process.env['MODEL_RUNS']
const GIVEN_SEED = process.env['MODEL_SEED']
const GIVEN_PATH = process.env['MODEL_PATH']
const MOST_COMMANDS = 90
const MOST_MS = 8_000

/** Drives a store and the model of it through the same random life; each engine runs it. */
export function describeStoreModel(engine: string, harness: StoreHarness, usualRuns: number): void {
  const runs = Number(GIVEN_RUNS ?? usualRuns)
  const mostMs = GIVEN_RUNS ? runs * 10_000 : MOST_MS
  const seed = Number(GIVEN_SEED ?? Date.now() % 2 ** 31)

  describe(`a store on ${engine}, whatever happens in whatever order`, () => {
    it(`holds what the model of a store holds (seed ${seed})`, {
      timeout: mostMs + 120_000,
    }, async () => {
      // At least one, however slow the machine.
      const endsAt = performance.now() + mostMs
      let lives = 0
      const commands = fc.commands(COMMANDS, { maxCommands: MOST_COMMANDS, size: 'max' })
      await fc.assert(
        fc.asyncProperty(commands, async (drawn) => {
          if (lives > 0 && performance.now() >= endsAt) return
          await live(harness, drawn)
          lives++
        }),
        {
          seed,
          ...(GIVEN_PATH ? { path: GIVEN_PATH } : {}),
          numRuns: runs,
        },
      )
    })
  })
}

async function live(harness: StoreHarness, commands: Iterable<StoreCommand>): Promise<void> {
  const real: StoreUnderTest = { store: await harness.open(), crash: harness.crash }
  const model = createStoreModel(harness.keepsLeases)
  try {
    await real.store.saveHandlers(HANDLERS)
    await fc.asyncModelRun(() => ({ model, real }), commands)
  } finally {
    await harness.dispose(real.store)
  }
}
