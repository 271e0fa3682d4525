import type { ProviderName } from '../../model.ts'
import type { Random } from './random.ts'

/** How often each kind of event comes, in a thousand, as of a healthy shop's mail. */
const MIXES: Readonly<Record<ProviderName, Readonly<Record<string, number>>>> = {
  mailtrap: {
    delivery: 610,
    open: 230,
    click: 70,
    'soft bounce': 40,
    bounce: 25,
    unsubscribe: 10,
    suspension: 5,
    reject: 5,
    spam: 5,
  },
  mailingapi: {
    delivered: 620,
    opened: 230,
    clicked: 70,
    deferred: 40,
    bounced: 25,
    unsubscribed: 10,
    complained: 5,
  },
}

const OTHER_TYPES: Readonly<Record<ProviderName, readonly string[]>> = {
  mailtrap: ['inbound.message_received', 'activity_log.user.updated'],
  mailingapi: ['inbound'],
}

/** Families whose names are an open list. */
const OPEN_TYPES: Readonly<Partial<Record<ProviderName, RegExp>>> = {
  mailtrap: /^activity_log(\.\w+)+$/,
}

const SPELLINGS: Readonly<Record<string, string>> = {
  soft_bounce: 'soft bounce',
  spam_complaint: 'spam',
}

/** What `--type` takes. */
export function listTypes(provider: ProviderName): string[] {
  return [...Object.keys(MIXES[provider]), ...OTHER_TYPES[provider]]
}

/** The provider's own spelling of a type; undefined when it cannot be generated. */
export function findType(provider: ProviderName, text: string): string | undefined {
  const type = SPELLINGS[text] ?? text
  if (OPEN_TYPES[provider]?.test(type)) return type
  return listTypes(provider).find((known) => known === type)
}

/** Draws types: equally often of those given, else as the mix says. */
export function createTypeDraw(
  provider: ProviderName,
  types: readonly string[],
): (random: Random) => string {
  const mix = MIXES[provider]
  const weights = types.length === 0 ? Object.entries(mix) : types.map((type) => [type, 1] as const)
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  return (random) => {
    let rest = random() * total
    for (const [type, weight] of weights) {
      rest -= weight
      if (rest < 0) return type
    }
    return weights[0]?.[0] ?? 'delivery'
  }
}
