import type { Database } from '../../../src/store/sqlite/driver.ts'
import { type KeyStoreOptions, openKeyStore } from '../../../src/store/sqlite/keys.ts'
import { createTransactions } from '../../../src/store/sqlite/transactions.ts'

/** A key store that has the database to itself. */
export function openTestKeys(db: Database, options: Partial<KeyStoreOptions>) {
  const transactions = createTransactions(db)
  const keys = openKeyStore(db, transactions, options)
  const within = <Value>(work: () => Value): Value => transactions.run('NORMAL', work)
  return {
    transactions,
    keys,
    find: (asked: Uint8Array) => keys.find(asked),
    add: (added: Uint8Array, events: readonly number[], receivedAt: number) =>
      within(() => keys.add(added, events, receivedAt)),
    prune: (receivedBefore: number) => within(() => keys.prune(receivedBefore)),
    /** One step; true while there is more to do. */
    merge(budgetMs: number): boolean {
      if (!keys.isBehind()) return false
      within(() => keys.merge(budgetMs))
      return keys.isBehind()
    },
    /** Does the work in a transaction that is not kept. */
    undoing(work: () => void): void {
      const undone = new Error('undone')
      try {
        within(() => {
          work()
          throw undone
        })
      } catch (error) {
        if ((error as Error).cause !== undone) throw error
      }
    },
  }
}

export type TestKeys = ReturnType<typeof openTestKeys>
