/** What `mailtrap-receiver` exports: all that a handler module needs. */
export type { NormalisedName, ProviderName } from '../model.ts'
export type {
  MailingApiBouncedEvent,
  MailingApiClickedEvent,
  MailingApiComplainedEvent,
  MailingApiDeferredEvent,
  MailingApiDeliveredEvent,
  MailingApiEventMap,
  MailingApiInboundEvent,
  MailingApiOpenedEvent,
  MailingApiUnsubscribedEvent,
} from '../providers/mailingapi/events.ts'
export type {
  MailtrapAuditActor,
  MailtrapAuditEvent,
  MailtrapAuditResource,
  MailtrapBounceEvent,
  MailtrapClickEvent,
  MailtrapDeliveryEvent,
  MailtrapEventMap,
  MailtrapInboundEvent,
  MailtrapOpenEvent,
  MailtrapRejectEvent,
  MailtrapSoftBounceEvent,
  MailtrapSpamEvent,
  MailtrapSuspensionEvent,
  MailtrapUnsubscribeEvent,
} from '../providers/mailtrap/events.ts'
export type { NormalisedEvent } from '../providers/normalised-event.ts'
export {
  type BatchAnswer,
  type BatchHandlerSpec,
  type BatchItem,
  defineHandler,
  type EventHandlerSpec,
  type Handler,
  type HandlersByKey,
} from './define-handler.ts'
export type {
  AnyEvent,
  AttemptInfo,
  AuditKey,
  BatchContext,
  EventFor,
  EventKey,
  HandlerContext,
  HandlerLog,
  HandlerMeans,
  NormalisedEventFor,
} from './handler-context.ts'
export { PermanentError, RetryLaterError } from './handler-errors.ts'
