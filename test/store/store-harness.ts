import { afterEach, beforeEach } from 'vitest'
import type { Batch } from '../../src/model.ts'
import type { Archive, Awaitable, Upkeep, WorkStore } from '../../src/store/store.ts'

/** An engine as its thread sees it, and the reads beside it: all that a suite asks of a store. */
export interface ContractStore extends WorkStore, Upkeep {
  append(batches: readonly Batch[]): Awaitable<void>
  readonly archive: Archive
  close(): Awaitable<void>
}

/** What a suite needs of an engine. */
export interface StoreHarness {
  /** A store on nothing yet. */
  open(): Promise<ContractStore>
  /** Closes the store and opens what it left, as a restart does. */
  reopen(store: ContractStore): Promise<ContractStore>
  /** Ends the store without ceremony and opens what it left. */
  crash(store: ContractStore): Promise<ContractStore>
  /** Closes the store and removes all it left. */
  dispose(store: ContractStore): Promise<void>
  /** True where leases are rows: they outlive the process that held them. */
  readonly keepsLeases: boolean
}

/** The store of the test that runs. */
export interface TestedStore {
  readonly store: ContractStore
  restart(): Promise<void>
  /** Whoever has claimed something without a lease has died. Where leases are rows, nothing else tells. */
  holderDies(): Promise<void>
}

/** Opens a store before each test and disposes of it afterwards. */
export function storeForEachTest(harness: StoreHarness): TestedStore {
  let store: ContractStore
  beforeEach(async () => {
    store = await harness.open()
  })
  afterEach(() => harness.dispose(store))
  const restart = async () => {
    store = await harness.reopen(store)
  }
  return {
    get store() {
      return store
    },
    restart,
    holderDies: async () => {
      if (!harness.keepsLeases) await restart()
    },
  }
}
