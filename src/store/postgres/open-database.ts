import { ReceiverError } from '../../errors.ts'
import { type DurabilitySetting, findTurnedOff } from './health.ts'
import { migrate } from './migrate.ts'
import { describeMisconfiguration } from './misconfigured.ts'
import type { TransactionPlan, Transactions } from './transactions.ts'

const LOOK: TransactionPlan = { sync: 'off', timeoutMs: 5_000 }

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

/** Rejects for an encoding other than UTF8; warns of settings that cost durability. */
export async function checkServer(
  transactions: Transactions,
  onWarning: (text: string) => void,
): Promise<void> {
  const turnedOff = await transactions.run(LOOK, async (query) => {
    const [found] = await query<{ encoding: string }>(
      `SELECT current_setting('server_encoding') AS encoding`,
    )
    if (found && found.encoding !== 'UTF8') {
      const detail = `STORE_URL names a database in ${found.encoding}. Create one with ENCODING 'UTF8'.`
      throw new ReceiverError('invalid_settings', { detail })
    }
    return await findTurnedOff(query)
  })
  for (const name of turnedOff) onWarning(describeDanger(name))
}

function describeDanger(name: DurabilitySetting): string {
  if (name !== 'synchronous_commit') {
    return `PostgreSQL runs with ${name} = off: a power cut may destroy what was acknowledged. Set it to on.`
  }
  return 'PostgreSQL runs with synchronous_commit = off. Acknowledgements are committed with on all the same; set it to on for the other writes.'
}
