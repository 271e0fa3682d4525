import type { z } from 'zod'
import type { EventFacts } from '../../model.ts'
import { MAILTRAP_AUDIT_SCHEMA, MAILTRAP_EVENT_SCHEMAS } from './event-schemas.ts'
import { MAILTRAP_AUDIT_PREFIX } from './events.ts'

const SCHEMAS: ReadonlyMap<string, z.ZodType> = new Map(Object.entries(MAILTRAP_EVENT_SCHEMAS))

/** The event as its type in `events.ts` promises it; an unknown one as it came. */
export function tidyMailtrapEvent(
  event: Readonly<Record<string, unknown>>,
  { type }: EventFacts,
): Record<string, unknown> {
  const schema = type.startsWith(MAILTRAP_AUDIT_PREFIX) ? MAILTRAP_AUDIT_SCHEMA : SCHEMAS.get(type)
  const tidied = schema?.safeParse({ ...event, event: type })
  return (tidied?.data ?? { ...event }) as Record<string, unknown>
}
