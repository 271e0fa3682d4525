import type { EventFacts } from '../../model.ts'
import type { NormalisedEvent } from '../normalised-event.ts'
import { readNumber, readText } from '../read-value.ts'
import { startNormalised } from '../start-normalised.ts'

/** The event in the form shared by all providers; undefined for audit, inbound and unknown ones. */
export function normaliseMailtrapEvent(
  event: Readonly<Record<string, unknown>>,
  facts: EventFacts,
): NormalisedEvent | undefined {
  const { name } = facts
  if (name === undefined) return undefined
  const start = startNormalised({
    provider: 'mailtrap',
    name,
    facts,
    original: event,
    details: event,
    variables: event.custom_variables,
  })
  if (name === 'email.bounced') return { ...start, bounce: readBounce(event, 'permanent') }
  if (name === 'email.deferred') return { ...start, bounce: readBounce(event, 'temporary') }
  const hasReason = name === 'email.rejected' || name === 'email.suspended'
  return hasReason ? { ...start, reason: readText(event.reason) } : start
}

function readBounce(
  event: Readonly<Record<string, unknown>>,
  permanence: 'permanent' | 'temporary',
): NonNullable<NormalisedEvent['bounce']> {
  return {
    permanence,
    code: readNumber(event.response_code),
    category: readText(event.bounce_category),
    response: readText(event.response),
  }
}
