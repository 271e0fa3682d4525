import { ReceiverError } from '../../errors.ts'
import { type DurabilitySetting, findTurnedOff } from '../archive/health.ts'
import { sqlState } from './driver.ts'
import { mendNumbering, migrate } from './migrate.ts'
import { type Query, type TransactionPlan, type Transactions, takeSteps } from './transactions.ts'

/** Read only, as a standby takes no other. */
const LOOK: TransactionPlan = { sync: 'off', timeoutMs: 5_000, isRead: true }

/**
 * Checks the server and brings the tables up to date, once; while that fails, whoever asks next
 * tries again. Rejects with a ReceiverError; `invalid_settings` and `store_too_new` are for good.
 */
export function createDatabaseOpening(
  transactions: Transactions,
  onWarning: (text: string) => void,
) {
  let opening: Promise<void> | undefined
  const told = new Set<string>()
  // An opening that fails is tried again and again: what it found is said once.
  const warnOnce = (text: string) => {
    if (!told.has(text)) onWarning(text)
    told.add(text)
  }

  async function open(): Promise<void> {
    try {
      await checkServer(transactions, warnOnce)
      for (const name of await migrate(transactions)) {
        warnOnce(`The database was changed by a newer version (${name}); working beside it.`)
      }
      await checkRights(transactions)
      for (const table of await mendNumbering(transactions)) {
        onWarning(
          `The numbers of ${table} in the database were set back behind its rows, as a move by logical replication does; they were put right.`,
        )
      }
    } catch (error) {
      opening = undefined
      throw explainOpening(error)
    }
  }

  return {
    /** Answers once the database can be worked with. */
    open() {
      opening ??= open()
      return opening
    },
    /** Something was not as it should be: it is looked at again before it is next used. */
    doubt() {
      opening = undefined
    },
  }
}

export type DatabaseOpening = ReturnType<typeof createDatabaseOpening>

/** `invalid_settings` for what only an operator can mend, else the error itself. */
export function explainOpening(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined
  const text = describeMisconfiguration(cause)
  return text === undefined ? error : refusal(text, cause)
}

/** Nothing is asked of a database that was never opened: its tables may be missing. */
export function afterOpening(transactions: Transactions, opening: DatabaseOpening): Transactions {
  return {
    ...transactions,
    async run(plan, work) {
      await opening.open()
      return await transactions.run(plan, work)
    },
    async runOne(plan, sql, values) {
      await opening.open()
      return await transactions.runOne(plan, sql, values)
    },
  }
}

/** Waiting does not mend it: another URL, another version or another right is needed. */
export function isForGood(error: unknown): boolean {
  return (
    error instanceof ReceiverError && ['invalid_settings', 'store_too_new'].includes(error.code)
  )
}

/**
 * Rejects for an encoding other than UTF8 and for a server that only reads; warns of settings that
 * cost durability, and of a store of an older version.
 */
export async function checkServer(
  transactions: Transactions,
  onWarning: (text: string) => void,
): Promise<void> {
  await transactions.run(LOOK, async (query) => {
    const [found] = await query<{ encoding: string; standby: boolean }>(
      `SELECT current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby`,
    )
    if (found && found.encoding !== 'UTF8') {
      throw refusal(`It names a database in ${found.encoding}. Create one with ENCODING 'UTF8'.`)
    }
    if (found?.standby) {
      throw refusal('It names a standby, which only reads. Name the server that takes writes.')
    }
    for (const name of await takeSteps(query, findTurnedOff())) onWarning(describeDanger(name))
    if (transactions.schema !== 'public' && (await hasOldStore(query))) {
      onWarning(
        'The schema public of the database holds the store of version 0.1.0. This version leaves it as it is and does not read it: what waits there is handled only by that version.',
      )
    }
  })
}

async function hasOldStore(query: Query): Promise<boolean> {
  const tables = ['migrations', 'batches', 'keys', 'events', 'jobs', 'quarantine']
  const [found] = await query<{ n: number }>(
    `SELECT count(*) AS n FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE nspname = 'public' AND relkind = 'r' AND relname = ANY($1::text[])
       AND EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = c.oid
         AND attname IN ('applied_at', 'batch_seq', 'body_bytes', 'digest', 'event_id'))`,
    [tables],
  )
  return (found?.n ?? 0) >= 5
}

/** So that a missing right is no surprise in the middle of work. */
async function checkRights(transactions: Transactions): Promise<void> {
  const { schema } = transactions
  const lacking = await transactions.run(LOOK, (query) =>
    query<{ name: string }>(
      `SELECT relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE nspname = $1 AND relkind = 'r'
         AND NOT (has_table_privilege(c.oid, 'SELECT') AND (relname = 'migrations' OR (
           has_table_privilege(c.oid, 'INSERT') AND (relname = 'audit' OR (
           has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))))))
       ORDER BY relname`,
      [schema],
    ),
  )
  if (lacking.length === 0) return
  throw refusal(
    `This user may not write to ${lacking.map(({ name }) => name).join(', ')} in the schema ${schema}. Let its owner run: GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO <user>; GRANT ALL ON ALL SEQUENCES IN SCHEMA ${schema} TO <user>.`,
  )
}

function describeDanger(name: DurabilitySetting): string {
  if (name !== 'synchronous_commit') {
    return `PostgreSQL runs with ${name} = off: a power cut may destroy what was acknowledged. Set it to on.`
  }
  return 'PostgreSQL runs with synchronous_commit = off. Acknowledgements are committed with on all the same; set it to on for the other writes.'
}

/** Wrong user or password, no such database, a missing right, a server that only reads. */
const REFUSED_BY_SERVER = /^(28|3D000|42501)/

const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/**
 * Why a connection can only be had by another STORE_URL, another password or another right: what an
 * operator has to mend. Undefined for what may pass by itself.
 */
function describeMisconfiguration(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { message } = error
  if (REFUSED_BY_SERVER.test(sqlState(error) ?? '')) return message
  const code = String((error as { code?: unknown }).code)
  if (UNTRUSTED.has(code)) {
    return `the certificate of PostgreSQL is not trusted (${message}). Name that of its authority with sslrootcert=<file>.`
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate of PostgreSQL is for another host (${message}). Use a name that it holds, or sslmode=verify-ca.`
  }
  if (message === 'The server does not support SSL connections') {
    return 'PostgreSQL offers no TLS here. Turn it on there, or give sslmode=disable where the way to it is safe.'
  }
  return undefined
}

function refusal(text: string, cause?: unknown): ReceiverError {
  return new ReceiverError('invalid_settings', { detail: `STORE_URL: ${text}`, cause })
}
