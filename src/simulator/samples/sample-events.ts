import type { ProviderName } from '../../model.ts'
import { createTypeDraw } from './event-mix.ts'
import { mailingApiSample } from './mailingapi-sample.ts'
import { mailtrapSample } from './mailtrap-sample.ts'
import { pickFrom, type Random, randomUuid } from './random.ts'
import type { SampleEvent, SampleFacts, SampleMail } from './sample-facts.ts'

export interface SampleOptions {
  readonly provider: ProviderName
  /** Empty: the provider's usual mix. */
  readonly types: readonly string[]
  readonly random: Random
  /** When the first event happened, milliseconds since 1970; the others follow. */
  readonly startsAt: number
}

const SAMPLES: Readonly<Record<ProviderName, (facts: SampleFacts) => SampleEvent>> = {
  mailtrap: mailtrapSample,
  mailingapi: mailingApiSample,
}
const MESSAGE_IDS: Readonly<Record<ProviderName, (uuid: string) => string>> = {
  mailtrap: (uuid) => uuid,
  mailingapi: (uuid) => `msg_${uuid.replaceAll('-', '').slice(0, 20)}`,
}

const REMEMBERED_MAILS = 500
const FOLLOW_UPS = /^(open|click|unsubscribe|complain|spam)/
const CATEGORIES = ['Invoice', 'Welcome', 'Password reset', 'Newsletter'] as const

/**
 * Makes events one by one, for ever, in bounded memory. Openings and clicks speak of mails that
 * were delivered before.
 */
export function* sampleEvents(options: SampleOptions): Generator<SampleEvent, never> {
  const { provider, types, random, startsAt } = options
  const drawType = createTypeDraw(provider, types)
  const sample = SAMPLES[provider]
  const mails: SampleMail[] = []
  let delivered = 0
  for (let count = 0; ; count++) {
    const type = drawType(random)
    const earlier = FOLLOW_UPS.test(type) ? mails[Math.floor(random() * mails.length)] : undefined
    const mail = earlier ?? createMail(provider, random)
    if (type.startsWith('deliver')) mails[delivered++ % REMEMBERED_MAILS] = mail
    yield sample({ type, mail, occurredAt: startsAt + count * 10, random })
  }
}

export function createMail(provider: ProviderName, random: Random): SampleMail {
  const id = randomUuid(random)
  return {
    messageId: MESSAGE_IDS[provider](id),
    recipient: `user${Math.floor(random() * 100_000)}@example.com`,
    category: pickFrom(CATEGORIES, random),
  }
}
