/** What the handlers `typed` and `normalised` must be given, worked out without code of the receiver. */

type Fields = Readonly<Record<string, unknown>>

const SENDING = ['email', 'message_id', 'timestamp']
const AUDIT = ['actor.name', 'resource.id', 'timestamp']
const MAILINGAPI = ['data.to', 'data.message_id', 'timestamp']

/** The key that takes events of a type, and the fields that the handler reads. */
const TYPED: Readonly<Record<string, readonly string[]>> = {
  delivery: SENDING,
  'soft bounce': [...SENDING, 'response_code'],
  bounce: [...SENDING, 'response_code'],
  suspension: [...SENDING, 'reason'],
  reject: [...SENDING, 'reason'],
  open: [...SENDING, 'ip'],
  click: [...SENDING, 'url'],
  unsubscribe: [...SENDING, 'ip'],
  spam: SENDING,
  'inbound.message_received': ['inbox_id', 'message_id', 'timestamp'],
  'activity_log.user.login': AUDIT,
  delivered: [...MAILINGAPI, 'data.delivered_at'],
  bounced: [...MAILINGAPI, 'data.reason'],
  deferred: [...MAILINGAPI, 'data.reason'],
  opened: [...MAILINGAPI, 'data.ip'],
  clicked: [...MAILINGAPI, 'data.url'],
  unsubscribed: MAILINGAPI,
  complained: MAILINGAPI,
  inbound: MAILINGAPI,
}

/** Name, rank and permanence of the events that mean the same for every provider. */
const NORMALISED: Readonly<Record<string, readonly [name: string, rank: number, kind?: string]>> = {
  delivery: ['mailtrap email.delivered', 3],
  'soft bounce': ['mailtrap email.deferred', 2, 'temporary'],
  bounce: ['mailtrap email.bounced', 7, 'permanent'],
  suspension: ['mailtrap email.suspended', 1],
  reject: ['mailtrap email.rejected', 7],
  open: ['mailtrap email.opened', 4],
  click: ['mailtrap email.clicked', 5],
  unsubscribe: ['mailtrap email.unsubscribed', 6],
  spam: ['mailtrap email.complained', 8],
  delivered: ['mailingapi email.delivered', 3],
  deferred: ['mailingapi email.deferred', 2, 'temporary'],
  opened: ['mailingapi email.opened', 4],
  clicked: ['mailingapi email.clicked', 5],
  unsubscribed: ['mailingapi email.unsubscribed', 6],
  complained: ['mailingapi email.complained', 8],
}

/** `bounced` of MailingAPI means three things. */
const BOUNCED: Readonly<Record<string, readonly [name: string, rank: number, kind: string]>> = {
  permanent: ['mailingapi email.bounced', 7, 'permanent'],
  temporary: ['mailingapi email.bounced', 2, 'temporary'],
  undefined: ['mailingapi email.bounced', 7, 'unknown'],
}

export interface SampleEventText {
  readonly type: string
  readonly payload: string
}

/** Key, fields, exact text. */
export function typedRun({ type, payload }: SampleEventText): readonly unknown[] {
  const event = parse(payload)
  if (TYPED[type] !== undefined)
    return [type, TYPED[type].map((path) => pick(event, path)), payload]
  if (!type.startsWith('activity_log.')) return ['*', [], payload]
  return ['activity_log.*', AUDIT.map((path) => pick(event, path)), payload]
}

/** Provider and name, recipient, rank, permanence, exact text; undefined: not for that handler. */
export function normalisedRun({ type, payload }: SampleEventText): readonly unknown[] | undefined {
  const event = parse(payload)
  const data = event['data'] as Fields | undefined
  const expected = type === 'bounced' ? BOUNCED[`${data?.['bounce_type']}`] : NORMALISED[type]
  if (expected === undefined) return undefined
  const [name, rank, kind = null] = expected
  return [name, data ? data['to'] : event['email'], rank, kind, payload]
}

/** As JSON would write it; ids of resources are text, codes are numbers. */
function pick(event: Fields, path: string): unknown {
  let value: unknown = event
  for (const name of path.split('.')) value = (value as Fields | undefined)?.[name]
  if (value === undefined || value === null) return null
  if (path === 'resource.id') return String(value)
  return path === 'response_code' ? Number(value) : value
}

function parse(payload: string): Fields {
  return payload.startsWith('{')
    ? JSON.parse(payload)
    : Object.fromEntries(new URLSearchParams(payload))
}
