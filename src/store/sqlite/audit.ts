import { type AuditSqlRow, readAuditRow } from '../rows.ts'
import type { AuditEntry, AuditRow, Page, PageRequest } from '../store.ts'
import type { Database } from './driver.ts'

/** The trail of what people had done here. */
export function createAuditing(db: Database) {
  const insert = db.prepare(
    'INSERT INTO audit (at, action, outcome, network, parameters, counts) VALUES (?, ?, ?, ?, ?, ?)',
  )
  return {
    recordAudit({ action, outcome, network, parameters, counts }: AuditEntry, now: number): void {
      const texts = [JSON.stringify(parameters), JSON.stringify(counts)] as const
      insert.run(now, action, outcome, network, ...texts)
    },
  }
}

export function createAuditList(db: Database) {
  const select = db.prepare('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?')

  function listAudit({ limit = 50, cursor }: PageRequest): Page<AuditRow> {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
    const rows = (select.all(before, limit) as unknown as AuditSqlRow[]).map(readAuditRow)
    return { rows, cursor: rows.length === limit ? rows.at(-1)?.id : undefined }
  }
  return { listAudit }
}
