import { createHash } from 'node:crypto'
import { signMailtrapBody } from '../../../providers/mailtrap/signature.ts'
import { standardHeaders } from '../../../standard-webhooks.ts'
import type { AttemptInfo } from '../../handler-context.ts'
import type { ForwardOptions } from '../built-in-options.ts'
import { toJson, writeEvent } from '../event-form.ts'
import type { OutgoingRequest } from './endpoint.ts'

/** Makes the request of these events; `nowSeconds` is since 1970. */
export type RequestWriter = (events: readonly AttemptInfo[], nowSeconds: number) => OutgoingRequest

const HEADERS = { 'content-type': 'application/json', 'user-agent': 'mailtrap-receiver' }

export function createRequestWriter({ format, secret }: ForwardOptions): RequestWriter {
  if (format === 'mailtrap') return (events) => writeMailtrap(events, secret ?? '')
  return (events, seconds) => {
    const [first] = events
    const texts = events.map(writeEvent)
    const body = format === 'event' ? (texts[0] ?? '') : `{"events":[${texts.join(',')}]}`
    const id = format === 'event' ? (first?.idempotencyKey ?? '') : idOfBatch(events)
    return { body, headers: { ...HEADERS, ...standardHeaders({ id, seconds, body }, secret) } }
  }
}

/** As Mailtrap writes and signs a batch. */
function writeMailtrap(events: readonly AttemptInfo[], secret: string): OutgoingRequest {
  const body = `{"events":[${events.map(toJson).join(',')}]}`
  return { body, headers: { ...HEADERS, ...signMailtrapBody(Buffer.from(body), secret) } }
}

/** The same whenever the same events are sent together. */
function idOfBatch(events: readonly AttemptInfo[]): string {
  const hash = createHash('sha256')
  for (const { idempotencyKey } of events) hash.update(`${idempotencyKey}\n`)
  return `batch:${hash.digest('base64url').slice(0, 22)}`
}
