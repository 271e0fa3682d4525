import type { ProviderName, SecretForm } from '../../model.ts'
import type { BodyFormat } from '../../providers/outgoing-batch.ts'

/** The options of `send`, as its command line names them. */
export interface SendCommandOptions {
  readonly config?: string
  readonly url?: string
  readonly provider: ProviderName
  readonly secret?: string
  readonly secretFile?: string
  readonly secretForm: SecretForm
  readonly basicAuth?: string
  readonly token?: string
  readonly badSignature?: boolean
  readonly contentType?: string
  readonly split?: boolean
  readonly count?: number
  readonly type?: string
  readonly seed?: number
  readonly batchSize?: number
  readonly format: BodyFormat
  /** Events per second. */
  readonly rate?: number
  readonly connections: number
  /** Seconds. */
  readonly timeout: number
  readonly json?: boolean
}
