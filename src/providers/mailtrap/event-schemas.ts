import { z } from 'zod'
import { idField, numberField, objectField, textField } from '../field-schemas.ts'
import {
  MAILTRAP_AUDIT_PREFIX,
  MAILTRAP_INBOUND_NAME,
  type MAILTRAP_SENDING_NAMES,
  type MailtrapAuditEvent,
  type MailtrapEventMap,
} from './events.ts'

const refusal = {
  response: textField,
  response_code: numberField,
  bounce_category: textField,
}
const client = { ip: textField, user_agent: textField }

function sending<
  const Name extends (typeof MAILTRAP_SENDING_NAMES)[number],
  Fields extends z.ZodRawShape,
>(name: Name, fields: Fields) {
  return z.looseObject({
    event: z.literal(name),
    event_id: idField,
    timestamp: numberField,
    email: textField,
    message_id: idField,
    sending_stream: textField,
    sending_domain_name: textField,
    category: textField,
    custom_variables: objectField,
    ...fields,
  })
}

const inbound = z.looseObject({
  event: z.literal(MAILTRAP_INBOUND_NAME),
  event_id: idField,
  timestamp: numberField,
  inbox_id: numberField,
  message_id: idField,
  from: textField,
})

/** A field whose kind differs from its type in `events.ts` does not compile. */
export const MAILTRAP_EVENT_SCHEMAS: {
  readonly [Name in keyof MailtrapEventMap]: z.ZodType<MailtrapEventMap[Name]>
} = {
  delivery: sending('delivery', {}),
  open: sending('open', client),
  click: sending('click', { ...client, url: textField }),
  bounce: sending('bounce', refusal),
  'soft bounce': sending('soft bounce', refusal),
  spam: sending('spam', {}),
  unsubscribe: sending('unsubscribe', client),
  suspension: sending('suspension', { reason: textField }),
  reject: sending('reject', { reason: textField }),
  'inbound.message_received': inbound,
}

export const MAILTRAP_AUDIT_SCHEMA: z.ZodType<MailtrapAuditEvent> = z.looseObject({
  event: z.templateLiteral([MAILTRAP_AUDIT_PREFIX, z.string()]),
  timestamp: numberField,
  description: textField,
  actor: z
    .looseObject({ id: numberField, type: textField, name: textField })
    .nullish()
    .catch(undefined),
  resource: z
    .looseObject({ id: idField, type: textField, name: textField })
    .nullish()
    .catch(undefined),
  changes: objectField,
})
