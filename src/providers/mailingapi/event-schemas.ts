import { z } from 'zod'
import { idField, numberField, objectField, textField } from '../field-schemas.ts'
import { readObject } from '../read-value.ts'
import type { MailingApiEventMap, MailingApiEventName } from './events.ts'

const toField = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .catch(undefined)

/** Inferred; see `events.ts`. */
const refusal = {
  bounce_type: textField,
  type: textField,
  code: numberField,
  reason: textField,
  smtp_response: textField,
}
/** Inferred; see `events.ts`. */
const client = { ip: textField, user_agent: textField }

function envelope<const Name extends MailingApiEventName, Fields extends z.ZodRawShape>(
  name: Name,
  fields: Fields,
) {
  const data = z.looseObject({
    message_id: idField,
    from: textField,
    to: toField,
    subject: textField,
    metadata: objectField,
    ...fields,
  })
  return z.looseObject({
    type: z.literal(name),
    id: idField,
    timestamp: textField,
    data: z.preprocess(readObject, data),
  })
}

/** A field whose kind differs from its type in `events.ts` does not compile. */
export const MAILINGAPI_EVENT_SCHEMAS: {
  readonly [Name in keyof MailingApiEventMap]: z.ZodType<MailingApiEventMap[Name]>
} = {
  delivered: envelope('delivered', { delivered_at: textField }),
  bounced: envelope('bounced', refusal),
  deferred: envelope('deferred', refusal),
  opened: envelope('opened', client),
  clicked: envelope('clicked', { ...client, url: textField }),
  unsubscribed: envelope('unsubscribed', client),
  complained: envelope('complained', {}),
  inbound: envelope('inbound', {}),
}
