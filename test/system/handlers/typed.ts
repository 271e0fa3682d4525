import { appendFileSync } from 'node:fs'
import {
  defineHandler,
  type HandlerContext,
  type MailingApiEventMap,
  type MailtrapAuditEvent,
  type MailtrapEventMap,
} from 'mailtrap-receiver'

const runs = process.env['TYPED_FILE'] ?? 'typed.jsonl'

/** What a run was given: the key that took the event, and fields that the key's type has. */
function write(key: string, fields: readonly unknown[], { payload }: HandlerContext): void {
  appendFileSync(runs, `${JSON.stringify([key, fields, payload])}\n`)
}

type SendingEvent = Exclude<MailtrapEventMap[keyof MailtrapEventMap], { inbox_id?: unknown }>
type MailingApiEvent = MailingApiEventMap[keyof MailingApiEventMap]

function writeSending(event: SendingEvent, more: readonly unknown[], context: HandlerContext) {
  write(event.event, [event.email, event.message_id, event.timestamp, ...more], context)
}

function writeMailingApi(
  event: MailingApiEvent,
  more: readonly unknown[],
  context: HandlerContext,
) {
  write(event.type, [event.data.to, event.data.message_id, event.timestamp, ...more], context)
}

function writeAudit(key: string, event: MailtrapAuditEvent, context: HandlerContext) {
  write(key, [event.actor?.name, event.resource?.id, event.timestamp], context)
}

/** Every name of both providers, each with fields of its own type. */
export default defineHandler({
  name: 'typed',
  on: {
    delivery: (event, context) => writeSending(event, [], context),
    'soft bounce': (event, context) => writeSending(event, [event.response_code], context),
    bounce: (event, context) => writeSending(event, [event.response_code], context),
    suspension: (event, context) => writeSending(event, [event.reason], context),
    reject: (event, context) => writeSending(event, [event.reason], context),
    open: (event, context) => writeSending(event, [event.ip], context),
    click: (event, context) => writeSending(event, [event.url], context),
    unsubscribe: (event, context) => writeSending(event, [event.ip], context),
    spam: (event, context) => writeSending(event, [], context),
    'inbound.message_received': (event, context) =>
      write(event.event, [event.inbox_id, event.message_id, event.timestamp], context),
    'activity_log.user.login': (event, context) => writeAudit(event.event, event, context),
    'activity_log.*': (event, context) => writeAudit('activity_log.*', event, context),
    delivered: (event, context) => writeMailingApi(event, [event.data.delivered_at], context),
    bounced: (event, context) => writeMailingApi(event, [event.data.reason], context),
    deferred: (event, context) => writeMailingApi(event, [event.data.reason], context),
    opened: (event, context) => writeMailingApi(event, [event.data.ip], context),
    clicked: (event, context) => writeMailingApi(event, [event.data.url], context),
    unsubscribed: (event, context) => writeMailingApi(event, [], context),
    complained: (event, context) => writeMailingApi(event, [], context),
    inbound: (event, context) => writeMailingApi(event, [], context),
    '*': (_event, context) => write('*', [], context),
  },
})
