import type { StoreInspection } from '../inspect-store.ts'
import { createPool } from './driver.ts'
import { checkServer } from './open-database.ts'
import { createTransactions } from './transactions.ts'

/** Asks the server for the settings on which durability rests. Rejects as the store would. */
export async function inspectPostgres(url: string): Promise<StoreInspection> {
  const transactions = createTransactions(
    createPool(() => url, 1),
    { random: Math.random },
  )
  const dangers: string[] = []
  try {
    await checkServer(transactions, (text) => dangers.push(text))
    const facts = dangers.length === 0 ? ['PostgreSQL with fsync and synchronous_commit'] : []
    return { facts, dangers }
  } finally {
    await transactions.close()
  }
}
