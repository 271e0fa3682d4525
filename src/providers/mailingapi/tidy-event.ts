import type { z } from 'zod'
import type { EventFacts } from '../../model.ts'
import { MAILINGAPI_EVENT_SCHEMAS } from './event-schemas.ts'

const SCHEMAS: ReadonlyMap<string, z.ZodType> = new Map(Object.entries(MAILINGAPI_EVENT_SCHEMAS))

/** The event as its type in `events.ts` promises it; an unknown one as it came. */
export function tidyMailingApiEvent(
  event: Readonly<Record<string, unknown>>,
  { type }: EventFacts,
): Record<string, unknown> {
  const tidied = SCHEMAS.get(type)?.safeParse({ ...event, type })
  return (tidied?.data ?? { ...event }) as Record<string, unknown>
}
