import type { Source } from '../model.ts'
import type { GuardedWebhook, WebhookProblem } from '../observe/figures.ts'
import type { ProviderWebhook } from './management-api.ts'

/** A webhook that is paused again although we were well is resumed only after so long. */
const RESUME_AGAIN_MS = 86_400_000

/** What the guardian remembers from look to look. */
export interface Memory {
  /** Own webhooks as they were when they were seen first, by id. */
  readonly first: ReadonlyMap<number, OwnWebhook>
  /** When each was resumed last. */
  readonly resumedAt: ReadonlyMap<number, number>
}

export const NO_MEMORY: Memory = { first: new Map(), resumedAt: new Map() }

/** What was seen, and how we were at that moment. Times are those of a clock that only goes forward. */
interface Look {
  readonly webhooks: readonly ProviderWebhook[]
  readonly at: number
  /** Since when this receiver is well, without a break; undefined: it is not. */
  readonly wellSince: number | undefined
}

export interface AssessmentRules {
  readonly sources: readonly Source[]
  /** Where the provider reaches this receiver, if it is known. */
  readonly publicUrl: string | undefined
  readonly mayResume: boolean
  /** We must have been well for so long before a webhook is resumed. */
  readonly steadyMs: number
}

export interface Assessment {
  readonly memory: Memory
  readonly webhooks: readonly GuardedWebhook[]
  readonly problems: readonly WebhookProblem[]
  /** Paused, ours, and to be resumed now. */
  readonly resume: readonly GuardedWebhook[]
}

/** Decides what a look at the provider means. Pure. */
export function assessWebhooks(memory: Memory, look: Look, rules: AssessmentRules): Assessment {
  const found = findOwnWebhooks(look.webhooks, rules.sources, rules.publicUrl)
  const first = new Map(found.own.map((one) => [one.webhook.id, one]))
  for (const [id, one] of memory.first) first.set(id, one)
  const webhooks = found.own.map((one): GuardedWebhook => {
    const { id, isActive } = one.webhook
    const differences = findDifferences(one, first.get(id)?.webhook)
    return { id, source: one.source.name, isPaused: !isActive, differences }
  })
  const { at, wellSince } = look
  const isSteady = wellSince !== undefined && at - wellSince >= rules.steadyMs
  const mayResume = rules.mayResume && isSteady && !found.isAmbiguous
  return {
    memory: { ...memory, first },
    webhooks,
    problems: [
      ...webhooks.flatMap(problemsOf),
      ...problemsOfLost(memory, look, { found, rules }),
      ...problemsOfSources(found, rules),
    ],
    resume: mayResume ? webhooks.filter((one) => isToBeResumed(one, memory, look)) : [],
  }
}

/** Once after each outage of ours, and once a day: a person may want it to be paused. */
function isToBeResumed(
  { id, isPaused }: GuardedWebhook,
  { resumedAt }: Memory,
  { at, wellSince = at }: Look,
): boolean {
  const last = resumedAt.get(id)
  if (!isPaused || last === undefined) return isPaused
  return last < wellSince || at - last >= RESUME_AGAIN_MS
}

/** Remembers that a webhook was resumed. */
export function noteResumed(memory: Memory, id: number, at: number): Memory {
  return { ...memory, resumedAt: new Map([...memory.resumedAt, [id, at]]) }
}

function problemsOf({ id, source, isPaused, differences }: GuardedWebhook): WebhookProblem[] {
  const paused = 'It is paused: the provider sends nothing to it until it is resumed.'
  const texts = isPaused ? [paused, ...differences] : differences
  return texts.map((text) => ({ webhook: id, source, text }))
}

/** Those that were ours once: deleted, or leading elsewhere by now. */
function problemsOfLost(
  { first }: Memory,
  { webhooks }: Look,
  { found, rules }: { found: OwnWebhooks; rules: AssessmentRules },
) {
  const lost = [...first.values()].filter(
    ({ webhook, source }) =>
      found.own.every((one) => one.webhook.id !== webhook.id) &&
      rules.sources.some(({ name }) => name === source.name),
  )
  return lost.map(({ webhook: { id }, source }): WebhookProblem => {
    const isThere = webhooks.some((webhook) => webhook.id === id)
    const text = isThere ? 'Its URL leads elsewhere now.' : 'It is no longer there: it was deleted.'
    return { webhook: id, source: source.name, text }
  })
}

function problemsOfSources({ own, isAmbiguous }: OwnWebhooks, { sources }: AssessmentRules) {
  const without = sources.filter(({ name }) => own.every(({ source }) => source.name !== name))
  const problems = without.map(
    ({ name }): WebhookProblem => ({
      webhook: undefined,
      source: name,
      text: `No webhook at the provider leads to /webhooks/${name}. Create one, or set PUBLIC_URL to the address that it has.`,
    }),
  )
  const text =
    'Webhooks lead to several hosts, and which of them is this receiver is not known: none is resumed. Set PUBLIC_URL.'
  return isAmbiguous ? [...problems, { webhook: undefined, source: undefined, text }] : problems
}

/** A webhook of the provider that leads to a source of this receiver. */
interface OwnWebhook {
  readonly webhook: ProviderWebhook
  readonly source: Source
}

interface OwnWebhooks {
  readonly own: readonly OwnWebhook[]
  /** They lead to several hosts, and nothing says which of these is this receiver. */
  readonly isAmbiguous: boolean
}

/**
 * Those whose URL is that of a source: below `publicUrl`, or, without one, those with the path
 * `/webhooks/<source>` on whatever host.
 */
function findOwnWebhooks(
  webhooks: readonly ProviderWebhook[],
  sources: readonly Source[],
  publicUrl: string | undefined,
): OwnWebhooks {
  const own = webhooks.flatMap((webhook) => {
    const source = sources.find(({ name }) => leadsTo(webhook.url, name, publicUrl))
    return source ? [{ webhook, source }] : []
  })
  const hosts = new Set(own.map(({ webhook }) => new URL(webhook.url).host))
  return { own, isAmbiguous: publicUrl === undefined && hosts.size > 1 }
}

function leadsTo(text: string, source: string, publicUrl: string | undefined): boolean {
  if (!URL.canParse(text)) return false
  const { origin, pathname } = new URL(text)
  const path = `/webhooks/${source}`
  if (publicUrl === undefined) return pathname === path
  const base = new URL(publicUrl)
  return origin === base.origin && pathname === `${base.pathname.replace(/\/+$/, '')}${path}`
}

/**
 * In what a webhook is not as it should be, apart from being paused, as sentences without a secret.
 * It should let itself in at its source, and be as it was when it was seen first.
 */
function findDifferences(
  { webhook, source }: OwnWebhook,
  first: ProviderWebhook | undefined,
): string[] {
  const url = new URL(webhook.url)
  return [
    ...(hasToken(url, source.urlToken) ? [] : [NO_TOKEN]),
    ...(hasCredentials(url, source.basicAuth) ? [] : [NO_CREDENTIALS]),
    ...(first === undefined ? [] : changesSince(first, webhook)),
  ]
}

const NO_TOKEN =
  'Its URL lacks the token that URL_TOKEN demands: every batch is refused. Add ?token=….'
const NO_CREDENTIALS =
  'Its URL lacks the user and password that BASIC_AUTH demands: every batch is refused. Add them: https://<user>:<password>@….'

function hasToken(url: URL, token: string | undefined): boolean {
  const sent = url.search.match(/[?&]token=([^&]*)/)?.[1] ?? ''
  // As it is, escaped, or with a plus for a space: the receiver takes each.
  return [undefined, sent, decode(sent), decode(sent.replaceAll('+', ' '))].includes(token)
}

function hasCredentials(url: URL, basicAuth: string | undefined): boolean {
  const [user, password] = [decode(url.username), decode(url.password)]
  // An API may hide the password behind asterisks.
  return [undefined, `${user}:${password}`].includes(basicAuth) || /^\*+$/.test(password)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Without credentials, token and whatever else may be secret; only what can be parsed is ours. */
function showUrl({ url }: ProviderWebhook): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

function changesSince(first: ProviderWebhook, now: ProviderWebhook): string[] {
  const facts: readonly (readonly [name: string, was: string, is: string])[] = [
    ['URL', showUrl(first), showUrl(now)],
    ['payload format', first.format ?? 'none', now.format ?? 'none'],
    ['event types', first.eventTypes.join(', ') || 'none', now.eventTypes.join(', ') || 'none'],
    ['type', first.type ?? 'none', now.type ?? 'none'],
  ]
  return facts
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => `Its ${name} was ${was} and is ${is}.`)
}
