/**
 * Tests of the types, run by the compiler: a line under `@ts-expect-error` that compiles is an
 * error. Nothing here runs.
 */
import { defineHandler, type Handler, type NormalisedEvent } from 'mailtrap-receiver'
import { sampleEvent } from 'mailtrap-receiver/testing'

type Same<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false
function expectSame<Left, Right>(_same: Same<Left, Right>) {}

defineHandler({
  name: 'typed-keys',
  on: {
    bounce: async (event, { log, signal, attempt, idempotencyKey }) => {
      expectSame<typeof event.event, 'bounce'>(true)
      expectSame<typeof event.bounce_category, string | null | undefined>(true)
      expectSame<typeof signal, AbortSignal>(true)
      log.info(idempotencyKey, { attempt })
    },
    'soft bounce': (event) => expectSame<typeof event.event, 'soft bounce'>(true),
    'activity_log.*': (event) =>
      expectSame<typeof event.description, string | null | undefined>(true),
    'activity_log.user.*': (event) =>
      expectSame<typeof event.event, `activity_log.${string}`>(true),
    'activity_log.user.updated': ({ changes }) =>
      expectSame<typeof changes, Record<string, unknown> | null | undefined>(true),
    'inbound.message_received': (event) =>
      expectSame<typeof event.message_id, string | null | undefined>(true),
    bounced: (event) => expectSame<typeof event.data.code, number | null | undefined>(true),
    'email.bounced': (event) => {
      expectSame<typeof event.name, 'email.bounced'>(true)
      expectSame<typeof event.bounce.permanence, 'permanent' | 'temporary' | 'unknown'>(true)
    },
    'email.opened': (event) => expectSame<typeof event.bounce, NormalisedEvent['bounce']>(true),
    '*': (event, { type }) => {
      expectSame<typeof event, Readonly<Record<string, unknown>>>(true)
      expectSame<typeof type, string>(true)
    },
  },
})

expectSame<ReturnType<typeof defineHandler>, Handler>(true)

// @ts-expect-error: misspelt
defineHandler({ on: { bonce: () => {} } })
// @ts-expect-error: misspelt beside a right one
defineHandler({ on: { bounce: () => {}, clicks: () => {} } })
// @ts-expect-error: the spelling of the management API, not that of payloads
defineHandler({ on: { soft_bounce: () => {} } })
// @ts-expect-error: a normalised name has its own list
defineHandler({ on: { 'email.bounce': () => {} } })
// @ts-expect-error: wildcards are for the audit log only
defineHandler({ on: { 'email.*': () => {} } })
// @ts-expect-error: misspelt prefix
defineHandler({ on: { 'activitylog.user.login': () => {} } })
// @ts-expect-error: no function
defineHandler({ on: { bounce: 'log' } })
// @ts-expect-error: no such option
defineHandler({ on: { bounce: () => {} }, retries: 3 })
// @ts-expect-error: neither
defineHandler({ name: 'empty' })
// @ts-expect-error: both
defineHandler({ on: { bounce: () => {} }, onBatch: () => {} })
// @ts-expect-error: `batchSize` belongs to `onBatch`
defineHandler({ batchSize: 5, on: { bounce: () => {} } })
defineHandler({ batchSize: 5, onBatch: () => {} })
// @ts-expect-error: `events` belongs to `onBatch`
defineHandler({ on: { bounce: () => {} }, events: ['bounce'] })
// @ts-expect-error: text where a number is compared
defineHandler({ on: { bounce: (event) => event.response_code === '550' } })
// @ts-expect-error: `bounce` may be absent from events that are not bounces
defineHandler({ on: { 'email.opened': (event) => event.bounce.permanence } })
// @ts-expect-error: no such field
defineHandler({ on: { 'email.opened': (event) => event.recipent } })
// @ts-expect-error: misspelt field of an e-mail's event
defineHandler({ on: { bounce: (event) => event.bounce_categry } })
// @ts-expect-error: a field of another event
defineHandler({ on: { delivery: ({ url }) => url } })
// @ts-expect-error: misspelt field of an audit event
defineHandler({ on: { 'activity_log.*': (event) => event.desription } })
// @ts-expect-error: misspelt field inside an audit event
defineHandler({ on: { 'activity_log.*': (event) => event.actor?.nam } })
// @ts-expect-error: likewise
defineHandler({ on: { 'activity_log.*': (event) => event.resource?.typ } })
// @ts-expect-error: misspelt field of an inbound event
defineHandler({ on: { 'inbound.message_received': (event) => event.inbox } })
// @ts-expect-error: Mailtrap's spelling of a field of MailingAPI's envelope
defineHandler({ on: { bounced: (event) => event.event_id } })
// @ts-expect-error: misspelt field of MailingAPI's data
defineHandler({ on: { bounced: (event) => event.data.bounce_typ } })
// @ts-expect-error: misspelt in a batch
defineHandler({ events: ['open'], onBatch: ([item]) => void item?.event.emial })
// @ts-expect-error: no such means
defineHandler({ on: { open: (_event, { logger }) => logger } })

defineHandler({
  events: ['open', 'email.clicked', 'activity_log.*'],
  onBatch: async (items, { signal }) => {
    expectSame<typeof signal, AbortSignal>(true)
    for (const item of items) {
      expectSame<typeof item.matched, 'open' | 'email.clicked' | 'activity_log.*'>(true)
      if (item.matched === 'open') expectSame<typeof item.event.event, 'open'>(true)
      if (item.matched === 'email.clicked')
        expectSame<typeof item.event.name, 'email.clicked'>(true)
    }
    return items.map(({ id }) => id)
  },
})
defineHandler({
  onBatch: (items) => {
    for (const { event } of items) expectSame<typeof event, Readonly<Record<string, unknown>>>(true)
  },
})

/** Fields that no type lists are found in `original`, under any key. */
defineHandler({
  on: {
    bounce: (_event, { original }) =>
      expectSame<typeof original.field_of_the_future, unknown>(true),
    'email.opened': (event, { original }) => {
      expectSame<typeof original, Readonly<Record<string, unknown>>>(true)
      expectSame<typeof event.original, typeof original>(true)
    },
  },
})
defineHandler({
  events: ['open'],
  onBatch: (items) => {
    for (const { original } of items) expectSame<typeof original.ip_country, unknown>(true)
  },
})

// @ts-expect-error: misspelt override
sampleEvent('bounce', { emial: 'someone@example.com' })

/** As app teams write it most: the promise of whatever does the work. */
async function save(items: readonly unknown[]): Promise<void> {
  await Promise.resolve(items)
}
defineHandler({ onBatch: (items) => save(items) })
defineHandler({ onBatch: async (items) => save(items) })
defineHandler({ onBatch: async () => {} })
defineHandler({ onBatch: async (items) => (items.length > 1 ? ['id'] : undefined) })

// @ts-expect-error: misspelt
defineHandler({ events: ['opens'], onBatch: () => {} })
// @ts-expect-error: ids are text
defineHandler({ events: ['open'], onBatch: (items) => items.map(() => 1) })
// @ts-expect-error: a list of nothings is not a list of ids
defineHandler({ onBatch: (items) => Promise.all(items.map(async () => {})) })

/** Which state of an e-mail to keep: an app needs no list of names for it. */
function newer(kept: NormalisedEvent | undefined, next: NormalisedEvent): NormalisedEvent {
  return kept !== undefined && kept.rank >= next.rank ? kept : next
}
expectSame<NormalisedEvent['rank'], number>(true)
defineHandler({
  on: {
    'email.delivered': (event) => void newer(undefined, event).name,
    'email.complained': (event) => void newer(undefined, event).name,
    // @ts-expect-error: a provider's own event has no rank
    delivery: (event) => void newer(undefined, event),
  },
})
// @ts-expect-error: a suspension is no bounce, so it has no permanence to suppress on
defineHandler({ on: { 'email.suspended': (event) => event.bounce.permanence } })
