import type { EventFacts } from '../../model.ts'
import type { NormalisedEvent } from '../normalised-event.ts'
import { readNumber, readObject, readText } from '../read-value.ts'
import { rankBounce, startNormalised } from '../start-normalised.ts'

type Bounce = NonNullable<NormalisedEvent['bounce']>

const PERMANENT = /^(permanent|hard)(?![a-z])/i
const TEMPORARY = /^(temporary|transient|soft)(?![a-z])/i

/** The event in the form shared by all providers; undefined for inbound and unknown ones. */
export function normaliseMailingApiEvent(
  event: Readonly<Record<string, unknown>>,
  facts: EventFacts,
): NormalisedEvent | undefined {
  const { name } = facts
  if (name === undefined) return undefined
  const data = readObject(event.data)
  const start = startNormalised({
    provider: 'mailingapi',
    name,
    facts,
    original: event,
    details: data,
    variables: data.metadata,
  })
  if (name === 'email.bounced') {
    const bounce = readBounce(data, readPermanence(data))
    return { ...start, bounce, rank: rankBounce(bounce.permanence) }
  }
  if (name === 'email.deferred') return { ...start, bounce: readBounce(data, 'temporary') }
  return start
}

/**
 * Only the provider's word counts: `bounced` covers both kinds, and an app team suppresses recipients
 * on what is said here, so an SMTP status is not enough.
 */
function readPermanence(data: Readonly<Record<string, unknown>>): Bounce['permanence'] {
  const kind = readKind(data) ?? ''
  if (PERMANENT.test(kind)) return 'permanent'
  return TEMPORARY.test(kind) ? 'temporary' : 'unknown'
}

/** Inferred names throughout: whichever field is there is used. */
function readBounce(
  data: Readonly<Record<string, unknown>>,
  permanence: Bounce['permanence'],
): Bounce {
  const response = readText(data.smtp_response)
  const leadingStatus = /^[45]\d\d\b/.exec(response ?? '')?.[0]
  return {
    permanence,
    code: readNumber(data.code) ?? readNumber(leadingStatus),
    category: readKind(data),
    response: response ?? readText(data.reason),
  }
}

function readKind(data: Readonly<Record<string, unknown>>): string | undefined {
  return readText(data.bounce_type) ?? readText(data.type)
}
