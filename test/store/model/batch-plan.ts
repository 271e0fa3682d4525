import { createHash } from 'node:crypto'
import fc from 'fast-check'
import type { NormalisedName } from '../../../src/model.ts'
import { type SamplePart, sampleEvent, samplePiece } from '../sample-rows.ts'

export const HOUR_MS = 3_600_000
export const ADDRESSES = ['ann@example.com', 'bob@example.com', 'cid@example.com'] as const

/** What one part of a body is. Few ids, contents and times, so that they meet again. */
type PartPlan =
  | { readonly pieces: number }
  | {
      readonly id: number
      readonly content: number
      readonly type: string
      readonly hour: number | undefined
      readonly recipient: string
      readonly handlers: readonly string[]
    }

const eventPlan: fc.Arbitrary<PartPlan> = fc.record({
  id: fc.nat(23),
  content: fc.constantFrom(0, 0, 0, 0, 1),
  type: fc.constantFrom('open', 'click', 'bounce'),
  hour: fc.constantFrom(undefined, 1, 2, 3, 4, 5),
  recipient: fc.constantFrom(...ADDRESSES),
  handlers: fc.subarray(['counter', 'other']),
})
const piecePlan: fc.Arbitrary<PartPlan> = fc.record({ pieces: fc.integer({ min: 1, max: 3 }) })

export const partPlans = fc.array(
  fc.oneof({ weight: 8, arbitrary: eventPlan }, { weight: 1, arbitrary: piecePlan }),
  { minLength: 1, maxLength: 9 },
)

const NAMES: Readonly<Record<string, NormalisedName>> = {
  open: 'email.opened',
  click: 'email.clicked',
}

/** Every other id is a UUID, which is its own key. */
function idOf(n: number): string {
  if (n % 2 === 1) return `event/${n}`
  const hex = createHash('md5').update(`${n}`).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** What is said of an event follows from its id and content, as with bytes that come again. */
export function makePart(plan: PartPlan): SamplePart {
  if (!('id' in plan)) return samplePiece({ pieces: plan.pieces })
  const { id, content, hour, ...rest } = plan
  const eventId = idOf(id)
  return sampleEvent({
    ...rest,
    name: NAMES[rest.type],
    eventId,
    occurredAt: hour === undefined ? undefined : hour * HOUR_MS,
    messageId: `message-${id}`,
    payload: JSON.stringify({ event_id: eventId, email: rest.recipient, type: rest.type, content }),
  })
}
