import type { EventDetail, EventRow } from '../../store/store.ts'
import { isTestEvent } from '../is-test-event.ts'
import { isoTime } from './iso-time.ts'
import { jobJson } from './job-json.ts'

/** An event as the API shows it. */
export function eventJson(row: EventRow) {
  return {
    /** The receiver's own id; `event_id` is the provider's. */
    id: row.id,
    batch: row.batch,
    position: row.position,
    source: row.source,
    provider: row.provider,
    type: row.type,
    name: row.name ?? null,
    state: row.state,
    /** Made by the provider's test button: kept, never given to handlers. */
    is_test: isTestEvent(row),
    event_id: row.eventId ?? null,
    message_id: row.messageId ?? null,
    recipient: row.recipient ?? null,
    occurred_at: isoTime(row.occurredAt),
    received_at: isoTime(row.receivedAt),
  }
}

/** The same with its exact payload, which is a text here too, and its jobs. */
export function eventDetailJson(event: EventDetail) {
  return { ...eventJson(event), payload: event.payload, jobs: event.jobs.map(jobJson) }
}

export type EventJson = ReturnType<typeof eventJson>
export type EventDetailJson = ReturnType<typeof eventDetailJson>
