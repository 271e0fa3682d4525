import type { StatsJson } from '../../admin/api/stats-schema.ts'
import type { Settings } from '../../config.ts'
import type { ProviderWebhook } from '../../guardian/management-api.ts'
import type { ManagementFailure } from '../../guardian/management-failure.ts'
import type { Source } from '../../model.ts'
import type { Exchange, OutgoingRequest } from '../../simulator/send-request.ts'

/** What the checks look at. */
export interface CheckContext {
  /** Where the receiver should be reached, without `/webhooks/…`. */
  readonly base: URL
  /** Those to be tried; empty when no settings are known here. */
  readonly sources: readonly Source[]
  readonly settings: Settings
  readonly timeoutMs: number
  /** Certificates to trust; undefined: the platform's. */
  readonly ca: readonly string[] | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Sends a request to a path below the base, which may have a query. */
  ask(path: string, request: OutgoingRequest): Promise<TimedExchange>
  /** The receiver's own figures, where its admin listener can be reached. */
  readStats(): Promise<StatsJson | undefined>
  /** The same from before the checks make refusals of their own. */
  readonly statsBefore: StatsJson | undefined
  /** What Mailtrap's management API answered; undefined: it was not asked. */
  readonly mailtrap: MailtrapView | undefined
}

export interface MailtrapView {
  readonly webhooks: readonly ProviderWebhook[]
  readonly failure: ManagementFailure | undefined
  /** Its time less ours, milliseconds; undefined: it did not tell. */
  readonly aheadMs: number | undefined
}

/** By our clock, milliseconds since 1970. */
export type TimedExchange = Exchange & { readonly sentAt: number; readonly answeredAt: number }

/** What was found. */
export interface Finding {
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was found, or why nothing was looked for. */
  readonly detail: string
  /** What to do; only where something is wrong. */
  readonly remedy?: string
  /** Of which source, where a check looks at several. */
  readonly source?: string
}

/** What one or several looks found. */
export type Found = Finding | readonly Finding[]

/** What one check found. */
export interface CheckResult extends Omit<Finding, 'source'> {
  /** Which one: `certificate`, `signature, mailtrap`. */
  readonly check: string
}

export const ok = (detail: string): Finding => ({ status: 'ok', detail })
export const skipped = (detail: string): Finding => ({ status: 'skipped', detail })
export const warning = (detail: string, remedy: string) => wrong('warning', detail, remedy)
export const failed = (detail: string, remedy: string) => wrong('failed', detail, remedy)

function wrong(status: 'warning' | 'failed', detail: string, remedy: string): Finding {
  return { status, detail, remedy }
}
