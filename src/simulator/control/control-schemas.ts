import { z } from 'zod'
import { readDuration } from '../../config/quantities.ts'
import { FAULT_NAMES } from '../sending/faults.ts'

const duration = z.string().transform((text, context) => {
  try {
    return readDuration(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `${(error as Error).message}.` })
    return z.NEVER
  }
})

const MAX_EVENTS = 10_000_000
const MAX_SPEED = 1_000_000

export const clockSchema = z.strictObject({
  advance: duration.optional(),
  speed: z.number().min(0).max(MAX_SPEED).optional(),
})

export const faultsSchema = z.partialRecord(z.enum(FAULT_NAMES), z.number().min(0).max(1))

export const streamSchema = z.strictObject({
  /** One of the kind that is to get them: `mailtrap/9001`. */
  webhook: z.string(),
  events: z.int().min(1).max(MAX_EVENTS),
  over: duration.prefault('1h'),
  seed: z.int().min(0).max(0xffff_ffff).default(1),
})

export const resetSchema = z.strictObject({ overlap: duration.optional() })

export const eventsQuerySchema = z.strictObject({
  provider: z.enum(['mailtrap', 'mailingapi']).default('mailtrap'),
})

/** What is wrong with a request, as sentences. */
export function describeIssues({ issues }: z.ZodError): string[] {
  return issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  )
}
