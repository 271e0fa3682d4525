import { z } from 'zod'
import { EVENT_STATES, NORMALISED_NAMES, PROVIDER_NAMES } from '../../model.ts'
import type { EventDetail, EventRow } from '../../store/store.ts'
import { isTestEvent } from '../is-test-event.ts'
import { isoTime } from './iso-time.ts'
import { JOB_JSON, jobJson } from './job-json.ts'
import { TIME_JSON } from './time-schema.ts'

/** An event as the API shows it. */
export const EVENT_JSON = z.object({
  id: z.string().describe("The receiver's own id; `event_id` is the provider's."),
  batch: z.string(),
  position: z.number().describe('Of its piece in the batch, from 0.'),
  source: z.string(),
  provider: z.enum(PROVIDER_NAMES),
  type: z.string(),
  name: z.enum(NORMALISED_NAMES).nullable().describe('The name shared by all providers.'),
  state: z.enum(EVENT_STATES),
  is_test: z.boolean().describe("Made by the provider's test button: never given to handlers."),
  event_id: z.string().nullable(),
  message_id: z.string().nullable(),
  recipient: z.string().nullable(),
  occurred_at: TIME_JSON,
  received_at: TIME_JSON,
})

export const EVENT_DETAIL_JSON = EVENT_JSON.extend({
  payload: z.string().describe('The exact text received.'),
  jobs: z.array(JOB_JSON),
})

export type EventJson = z.output<typeof EVENT_JSON>
export type EventDetailJson = z.output<typeof EVENT_DETAIL_JSON>

export function eventJson(row: EventRow): EventJson {
  return {
    id: row.id,
    batch: row.batch,
    position: row.position,
    source: row.source,
    provider: row.provider,
    type: row.type,
    name: row.name ?? null,
    state: row.state,
    is_test: isTestEvent(row),
    event_id: row.eventId ?? null,
    message_id: row.messageId ?? null,
    recipient: row.recipient ?? null,
    occurred_at: isoTime(row.occurredAt),
    received_at: isoTime(row.receivedAt),
  }
}

/** The same with its exact payload, which is a text here too, and its jobs. */
export function eventDetailJson(event: EventDetail): EventDetailJson {
  return { ...eventJson(event), payload: event.payload, jobs: event.jobs.map(jobJson) }
}
