/** What becomes of a sample: `position type: state` of its events, `position reason` of the rest. */
export interface SampleOutcome {
  readonly events: readonly string[]
  readonly quarantine?: readonly string[]
}

/** In the order in which they are sent; events that were in an earlier sample leave no second one. */
export const MAILTRAP_SAMPLES: Readonly<Record<string, SampleOutcome>> = {
  'audit.filtered-changes.json': { events: ['0 activity_log.user.updated: done'] },
  'audit.system-actor.json': { events: ['0 activity_log.user.updated: done'] },
  'audit.two-events.jsonl': {
    events: ['0 activity_log.user.login: done', '1 activity_log.user.updated: done'],
  },
  'audit.user-login.json': { events: [] },
  'audit.user-updated.json': { events: [] },
  'campaigns.assumed.json': { events: ['0 delivery: done'] },
  'dedupe.identical-audit-twice.json': { events: ['1 activity_log.user.updated: done'] },
  'dedupe.same-event-twice.json': { events: ['0 delivery: done'] },
  'dedupe.same-id-different-content.json': { events: ['0 delivery: done', '1 bounce: conflict'] },
  'inbound.batch.json': {
    events: [
      '0 inbound.message_received: done',
      '1 inbound.message_received: done',
      '2 inbound.message_received: done',
      '3 inbound.message_received: done',
    ],
  },
  'inbound.escaped-angle-brackets.json': { events: ['0 inbound.message_received: done'] },
  'inbound.message-received.json': { events: ['0 inbound.message_received: done'] },
  'inbound.name-only-from.json': { events: ['0 inbound.message_received: done'] },
  'inbound.same-message-other-event-id.json': { events: ['0 inbound.message_received: done'] },
  'inbound.unicode-from.json': { events: ['0 inbound.message_received: done'] },
  'legacy.form-unescaped.txt': { events: ['0 bounce: done'] },
  'legacy.form.txt': { events: ['0 delivery: done'] },
  'mixed.families.jsonl': {
    events: [
      '0 delivery: done',
      '1 activity_log.user.login: done',
      '2 inbound.message_received: conflict',
      '3 future.thing_happened: done',
    ],
  },
  'quarantine.mixed-members.json': {
    events: ['0 delivery: done', '5 (no name): done', '6 (no name): done', '7 open: done'],
    quarantine: ['1 not_an_object', '2 not_an_object', '3 not_an_object', '4 not_an_object'],
  },
  'quarantine.no-events-array.json': { events: [], quarantine: ['0 no_events'] },
  'quarantine.one-bad-line.txt': {
    events: ['0 delivery: done', '2 spam: done'],
    quarantine: ['1 invalid_json'],
  },
  'quarantine.truncated-json.txt': { events: [], quarantine: ['0 invalid_json'] },
  'reputation.assumed-unknown.json': { events: ['0 reputation.example_change: done'] },
  'run-test.audit.json': { events: ['0 activity_log.account.api_token.example_suffix: done'] },
  'run-test.inbound.json': { events: ['0 inbound.message_received: done'] },
  'run-test.real-ids-bounce.json': { events: ['0 bounce: unhandled', '1 bounce: unhandled'] },
  'run-test.real-ids-delivery.json': { events: ['0 delivery: unhandled', '1 delivery: unhandled'] },
  'run-test.sending-bounce.json': { events: ['0 bounce: done', '1 bounce: done'] },
  'run-test.sending-delivery.json': { events: ['0 delivery: conflict', '1 delivery: conflict'] },
  'run-test.sending-new-form.json': { events: ['0 delivery: conflict', '1 delivery: conflict'] },
  'sending.all-nine.jsonl': {
    events: [
      '0 delivery: done',
      '1 soft bounce: done',
      '2 bounce: done',
      '3 suspension: done',
      '4 reject: done',
      '5 open: done',
      '6 click: done',
      '7 unsubscribe: done',
      '8 spam: done',
    ],
  },
  'sending.batch.json': {
    events: ['0 delivery: done', '1 open: done', '2 open: done', '3 click: done', '4 bounce: done'],
  },
  'sending.bounce.json': { events: ['0 bounce: done'] },
  'sending.click.json': { events: ['0 click: done'] },
  'sending.crlf-and-blank-lines.jsonl': { events: ['0 delivery: done', '1 delivery: done'] },
  'sending.delivery.json': { events: ['0 delivery: done'] },
  'sending.no-final-newline.jsonl': { events: ['0 delivery: done', '1 delivery: done'] },
  'sending.open.json': { events: ['0 open: done'] },
  'sending.reject.json': { events: ['0 reject: done'] },
  'sending.soft-bounce.json': { events: ['0 soft bounce: done'] },
  'sending.spam.json': { events: ['0 spam: done'] },
  'sending.suspension.json': { events: ['0 suspension: done'] },
  'sending.unsubscribe-with-client.json': { events: ['0 unsubscribe: done'] },
  'sending.unsubscribe.json': { events: ['0 unsubscribe: done'] },
  'shape.empty-batch.json': { events: [] },
  'shape.minimal-fields.json': { events: ['0 delivery: done'] },
  'shape.older-without-domain.json': { events: ['0 delivery: done'] },
  'shape.single-object.json': { events: ['0 delivery: done'] },
  'shape.top-level-array.json': { events: ['0 delivery: done', '1 spam: done'] },
  'tolerance.api-spellings.json': { events: ['0 soft bounce: done', '1 spam: done'] },
  'tolerance.unicode.json': { events: ['0 delivery: done'] },
  'tolerance.unknown-bounce-category.json': { events: ['0 bounce: done', '1 soft bounce: done'] },
  'tolerance.unknown-event.json': { events: ['0 postponed: done'] },
  'tolerance.unknown-fields.json': { events: ['0 delivery: done'] },
}

/** Sent after those. */
export const MAILINGAPI_SAMPLES: Readonly<Record<string, SampleOutcome>> = {
  'event.bounced-no-class.json': { events: ['0 bounced: done'] },
  'event.bounced-temporary.assumed.json': { events: ['0 bounced: done'] },
  'event.bounced.assumed.json': { events: ['0 bounced: done'] },
  'event.clicked.assumed.json': { events: ['0 clicked: done'] },
  'event.complained.assumed.json': { events: ['0 complained: done'] },
  'event.deferred.assumed.json': { events: ['0 deferred: done'] },
  'event.delivered-with-time.json': { events: ['0 delivered: done'] },
  'event.delivered.json': { events: ['0 delivered: done'] },
  'event.inbound.assumed.json': { events: ['0 inbound: done'] },
  'event.minimal.json': { events: ['0 delivered: done'] },
  'event.opened.assumed.json': { events: ['0 opened: done'] },
  'event.unknown-type.json': { events: ['0 postponed: done'] },
  'event.unsubscribed.assumed.json': { events: ['0 unsubscribed: done'] },
}
