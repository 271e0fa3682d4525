import { type AuditSqlRow, readAuditRow } from '../rows.ts'
import type { AuditEntry, AuditRow, Page, PageRequest } from '../store.ts'
import { NOW_MS } from './database-time.ts'
import type { Query, TransactionPlan, Transactions } from './transactions.ts'

const PLAN: TransactionPlan = { sync: 'on', timeoutMs: 10_000 }

const INSERT = `
  INSERT INTO audit (at, action, outcome, network, parameters, counts)
  VALUES (${NOW_MS}, $1, $2, $3, $4, $5)`

/** The trail of what people had done here. */
export async function recordAudit(transactions: Transactions, entry: AuditEntry): Promise<void> {
  const { action, outcome, network, parameters, counts } = entry
  const texts = [JSON.stringify(parameters), JSON.stringify(counts)]
  await transactions.runOne(PLAN, INSERT, [action, outcome, network, ...texts])
}

export async function listAudit(
  query: Query,
  { limit = 50, cursor }: PageRequest,
): Promise<Page<AuditRow>> {
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
  const sql = 'SELECT * FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2'
  const rows = (await query<AuditSqlRow>(sql, [before, limit])).map(readAuditRow)
  return { rows, cursor: rows.length === limit ? rows.at(-1)?.id : undefined }
}
