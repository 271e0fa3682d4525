/** What people have done here by the admin API or a signal. */
export const AUDITED_ACTIONS = [
  'replay',
  'requeue',
  'erase',
  'prune',
  'reload',
  'pause',
  'resume',
] as const
export type AuditedAction = (typeof AUDITED_ACTIONS)[number]

export interface AuditEntry {
  readonly action: AuditedAction
  /** One entry when it begins, one when it ends. */
  readonly outcome: 'begun' | 'done' | 'failed'
  /** Who asked: part of an address, or `local`. */
  readonly network: string
  /** What was asked for, without personal data. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  readonly counts: Readonly<Record<string, number>>
}

export interface AuditRow extends AuditEntry {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
}
