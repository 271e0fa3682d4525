import { randomUUID } from 'node:crypto'
import type { MailingApiEventMap } from '../providers/mailingapi/events.ts'
import type { MailtrapEventMap } from '../providers/mailtrap/events.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { isObject } from '../providers/read-value.ts'
import type { SampleEvent } from '../providers/samples.ts'
import { checkKey } from './event-keys.ts'
import type { AuditKey, EventFor } from './handler-context.ts'

/** What `mailtrap-receiver/testing` exports: all that a handler's own tests need. */
export {
  type HandlerRun,
  type LoggedLine,
  type RunHandlerOptions,
  runHandler,
} from './run-handler.ts'
export {
  SAMPLE_SECRET,
  type SignedRequest,
  type SignedRequestOptions,
  signedRequest,
} from './signed-request.ts'

/** A provider's own name of an event. */
export type SampleType = keyof MailtrapEventMap | AuditKey | keyof MailingApiEventMap

/** Fields to set, `undefined` to leave out; those of MailingAPI's `data` are merged into it. */
export type SampleOverrides<Type extends SampleType> = Partial<EventFor<Type>>

/**
 * An event as a provider would send it, with new ids and the present time.
 *
 * @example sampleEvent('bounce', { email: 'someone@example.com' })
 * @example { ...sampleEvent('open'), field_of_the_future: 1 } // one that its type does not list
 */
export function sampleEvent<Type extends SampleType>(
  type: Type,
  overrides?: SampleOverrides<Type>,
): EventFor<Type> {
  const event = makeSample(type)
  const fields: SampleEvent = { ...overrides }
  const changed: Record<string, unknown> = { ...event, ...fields }
  if (isObject(event.data) && isObject(fields.data)) {
    changed.data = { ...event.data, ...fields.data }
  }
  return changed as EventFor<Type>
}

/** Always the first of the details that a type may have, so that tests can rely on them. */
function makeSample(type: string): SampleEvent {
  const mail = { messageId: randomUUID(), recipient: 'recipient@example.com', category: 'Invoice' }
  const facts = { type, mail, occurredAt: Date.now(), random: () => 0, uuid: randomUUID }
  for (const provider of Object.values(PROVIDERS)) {
    const sample = provider.makeSample(facts)
    if (sample !== undefined) return sample
  }
  throw new TypeError(`sampleEvent: ${checkKey(type) ?? `\`${type}\` is no single event.`}`)
}
