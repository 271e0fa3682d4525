import type { HandlerRegistration, ProviderName } from '../model.ts'
import type { GuardianFigures } from '../observe/figures.ts'
import type { Observer } from '../observe/observer.ts'
import type {
  Archive,
  ErasureProgress,
  ErasureReport,
  SpoolFigures,
  Store,
} from '../store/store.ts'
import type { AuditTrail } from './audit-trail.ts'
import type { SignIn } from './protect/sign-in.ts'

export interface ConfiguredSource {
  readonly name: string
  readonly provider: ProviderName
  /** Undefined where the system chose the port. */
  readonly address: string | undefined
}

/** What a person is needed for. */
export interface Cause {
  readonly cause: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly text: string
  readonly remedy: string
}

/** What the admin listener shows and does, by whom it is done. */
export interface Receiver {
  readonly archive: Archive &
    Pick<Store, 'replay' | 'hasten' | 'discard' | 'setPaused' | 'requeue'> &
    Pick<Store, 'loadHandlers' | 'recordAudit'>
  readonly work: {
    erase(recipient: string, onProgress: ErasureProgress): Promise<ErasureReport>
    /** Forgets by age, now; answers how many rows. */
    prune(onProgress: (rows: number) => void): Promise<number>
    /** Puts in what is missing of these events. */
    fill(request: {
      readonly source: string
      readonly span: { readonly from: number; readonly to: number }
      readonly events: readonly Readonly<Record<string, unknown>>[]
      /** Only tell what is missing. */
      readonly isDry: boolean
    }): Promise<{
      readonly known: number
      readonly missing: number
      readonly batch: string | undefined
    }>
  }
  readonly observer: Observer
  /** The configured ones of this moment. */
  readonly sources: () => readonly ConfiguredSource[]
  readonly registrations: () => readonly HandlerRegistration[]
  /** Undefined without one. */
  readonly spool: (() => Promise<SpoolFigures>) | undefined
  readonly guardian: (() => GuardianFigures) | undefined
  /** What a person is needed for at this moment. Never rejects; answers also while the store is away. */
  readonly verdict: () => Promise<{ readonly causes: readonly Cause[] }>
  /** The figures for Prometheus, as text. */
  readonly metrics: { readonly contentType: string; read(): Promise<string> }
  /** For bytes that are read again. */
  readonly newBatchId: () => string
  readonly now: () => number
  readonly version: string
  /** Where it keeps everything, without a password. */
  readonly store: string
}

/** What its routes work with. */
export interface AdminContext extends Receiver {
  readonly audited: AuditTrail
  /** Undefined without a password. */
  readonly signIn: SignIn | undefined
}
