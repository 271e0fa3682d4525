import type { NormalisedName, ProviderName } from '../model.ts'

/** An e-mail event in the form that is the same for every provider. */
export interface NormalisedEvent {
  readonly name: NormalisedName
  readonly provider: ProviderName
  /** The provider's id of the event. */
  readonly id: string | undefined
  /** ISO 8601, UTC; undefined when the provider gave no readable time. */
  readonly occurredAt: string | undefined
  readonly recipient: string | undefined
  readonly messageId: string | undefined
  /**
   * Orders the states of one message: never let an event with a lower rank overwrite one with a
   * higher rank. suspended 1, deferred 2, delivered 3, opened 4, clicked 5, unsubscribed 6,
   * rejected 7, bounced 7 (2 when its permanence is `temporary`), complained 8.
   */
  readonly rank: number
  /** Only for deferred and bounced. */
  readonly bounce:
    | {
        /** `unknown`: the provider did not say. Do not suppress a recipient on that alone. */
        readonly permanence: 'permanent' | 'temporary' | 'unknown'
        readonly code: number | undefined
        readonly category: string | undefined
        readonly response: string | undefined
      }
    | undefined
  /** Only for rejected and suspended: free text. */
  readonly reason: string | undefined
  /** Only for clicked. */
  readonly url: string | undefined
  /** Only for opened, clicked and unsubscribed. */
  readonly client:
    | { readonly ip: string | undefined; readonly userAgent: string | undefined }
    | undefined
  /** What the app team attached when sending: Mailtrap's custom_variables, MailingAPI's metadata. */
  readonly variables: Readonly<Record<string, unknown>>
  /** The event as received, parsed. */
  readonly original: Readonly<Record<string, unknown>>
}
