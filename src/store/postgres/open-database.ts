import { ReceiverError } from '../../errors.ts'
import { migrate } from './migrate.ts'
import { describeMisconfiguration } from './misconfigured.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const LOOK: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

interface ServerSettings {
  encoding: string
  fsync: string
  full_page_writes: string
  synchronous_commit: string
}

/** Answers once the database can be worked with: checked, and its tables up to date. */
export type OpenDatabase = () => Promise<void>

/**
 * Checks the server and brings the tables up to date, once; while that fails, whoever asks next
 * tries again. Rejects with a ReceiverError; `invalid_settings` and `store_too_new` are for good.
 */
export function createDatabaseOpening(
  transactions: Transactions,
  onWarning: (text: string) => void,
): OpenDatabase {
  let opening: Promise<void> | undefined

  async function open(): Promise<void> {
    try {
      await checkServer(transactions, onWarning)
      for (const name of await migrate(transactions)) {
        onWarning(`The database was changed by a newer version (${name}); working beside it.`)
      }
    } catch (error) {
      opening = undefined
      const cause = error instanceof Error ? error.cause : undefined
      const text = describeMisconfiguration(cause)
      if (text === undefined) throw error
      throw new ReceiverError('invalid_settings', { detail: `STORE_URL: ${text}`, cause })
    }
  }

  return () => {
    opening ??= open()
    return opening
  }
}

/** Waiting does not mend it: another URL, another version or another right is needed. */
export function isForGood(error: unknown): boolean {
  return (
    error instanceof ReceiverError && ['invalid_settings', 'store_too_new'].includes(error.code)
  )
}

async function checkServer(
  transactions: Transactions,
  onWarning: (text: string) => void,
): Promise<void> {
  // Its reset value: within a transaction of ours, synchronous_commit is what we set.
  const [found] = await transactions.runOne<ServerSettings>(
    LOOK,
    `SELECT current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS synchronous_commit`,
  )
  if (!found) return
  if (found.encoding !== 'UTF8') {
    const detail = `STORE_URL names a database in ${found.encoding}. Create one with ENCODING 'UTF8'.`
    throw new ReceiverError('invalid_settings', { detail })
  }
  for (const text of findDangers(found)) onWarning(text)
}

/** What makes a 200 worth less than we promise. */
function findDangers(server: ServerSettings): string[] {
  const dangers: string[] = []
  for (const name of ['fsync', 'full_page_writes'] as const) {
    if (server[name] !== 'off') continue
    dangers.push(
      `PostgreSQL runs with ${name} = off: a power cut may destroy what was acknowledged. Set it to on.`,
    )
  }
  if (server.synchronous_commit === 'off') {
    dangers.push(
      'PostgreSQL runs with synchronous_commit = off. Acknowledgements are committed with on all the same; set it to on for the other writes.',
    )
  }
  return dangers
}
