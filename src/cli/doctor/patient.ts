import type { StatsJson } from '../../admin/json/stats-json.ts'
import type { Settings } from '../../config.ts'
import type { Source } from '../../model.ts'
import type { Exchange, OutgoingRequest } from './exchange.ts'

/** What the checks look at. */
export interface Patient {
  /** Where the receiver should be reached, without `/webhooks/…`. */
  readonly base: URL
  /** Those to be tried; empty when no settings are known here. */
  readonly sources: readonly Source[]
  readonly settings: Settings
  readonly timeoutMs: number
  /** Certificates to trust; undefined: the platform's. */
  readonly ca: readonly string[] | undefined
  readonly stopped: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Sends a request to a path below the base, which may have a query. */
  ask(path: string, request: OutgoingRequest): Promise<Exchange>
  /** The receiver's own figures, where its admin listener can be reached. */
  readStats(): Promise<StatsJson | undefined>
}
