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
  AttemptInfo,
  BatchContext,
  HandlerContext,
  HandlerLog,
  HandlerMeans,
} from './handler-context.ts'
export type {
  AnyEvent,
  AuditKey,
  EventFor,
  EventKey,
  NormalisedEventFor,
} from './handler-events.ts'
export { PermanentError } from './permanent-error.ts'
