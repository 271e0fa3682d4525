import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { StatsJson } from '../admin/api/stats-schema.ts'
import type { RunningApp } from '../app/running-app.ts'
import { createPoster } from '../simulator/send-request.ts'
import { type AdminClient, createAdminClient } from './admin-client.ts'
import type { CommandContext } from './command.ts'
import { formatCounted } from './terminal.ts'

/** One recorded request, with what must come of it. */
export interface DemoRequest {
  readonly title: string
  readonly file: string
  readonly content_type: string
  readonly signature: string
  readonly body: Buffer
  /** The status of the answer. */
  readonly answer: number
  readonly events: number
  readonly duplicates: number
  readonly quarantined: number
}

export interface DemoRequests {
  readonly secret: string
  /** How many events each example handler must run. */
  readonly handlers: Readonly<Record<string, number>>
  readonly requests: readonly DemoRequest[]
}

/** Reads the requests recorded in `folder`, byte for byte. */
export function readDemoRequests(folder: URL): DemoRequests {
  const list: DemoRequests = JSON.parse(readFileSync(new URL('requests.json', folder), 'utf8'))
  const requests = list.requests.map((request) => ({
    ...request,
    body: readFileSync(new URL(request.file, folder)),
  }))
  return { ...list, requests }
}

export interface SentRequest {
  readonly request: DemoRequest
  /** What came back: a status, or why there was none. */
  readonly status: number | string
}

/** One promise of the receiver, and whether it was kept. */
export interface Expectation {
  readonly text: string
  readonly isMet: boolean
  /** What was found instead, when it is not met. */
  readonly found: string
}

export type Exercised = Awaited<ReturnType<typeof exercise>>

const TIMEOUT_MS = 30_000

/** Sends the recorded requests over HTTP, one after the other, and looks at what came of them. */
export async function exercise(
  samples: DemoRequests,
  addresses: RunningApp,
  context: CommandContext,
) {
  const { elapsedMs, stopped } = context
  const webhookUrl = `${addresses.publicUrl}/webhooks/mailtrap`
  const { adminUrl = '' } = addresses
  const poster = createPoster({ connections: 1, timeoutMs: TIMEOUT_MS, elapsedMs, stopped })
  const sent: SentRequest[] = []
  for (const request of samples.requests) {
    const { status } = await poster.post(new URL(webhookUrl), request.body, {
      'content-type': request.content_type,
      'mailtrap-signature': request.signature,
    })
    sent.push({ request, status })
  }
  poster.close()
  const accepted = samples.requests.filter(({ answer }) => answer === 200).length
  const client = createAdminClient({ url: adminUrl, stopped })
  const stats = await waitUntilHandled(client, accepted, context)
  return { webhookUrl, adminUrl, sent, stats, expectations: checkDemo(samples, sent, stats) }
}

const LOOK_EVERY_MS = 50
/** Beyond a first retry of every handler; what is not done then will not be done soon. */
const PATIENCE_MS = 60_000

/** Looks until every batch is unpacked and no job is pending; answers the figures of that moment. */
async function waitUntilHandled(
  client: AdminClient,
  batches: number,
  { elapsedMs, stopped }: CommandContext,
): Promise<StatsJson> {
  const startedAt = elapsedMs()
  for (;;) {
    const stats = await client.get<StatsJson>('/api/stats')
    const isHandled = stats.batches.received >= batches && stats.backlog === 0
    if (isHandled || elapsedMs() - startedAt > PATIENCE_MS) return stats
    await wait(LOOK_EVERY_MS, undefined, { signal: stopped })
  }
}

/** Compares what must have come of the requests with what the receiver says. */
export function checkDemo(
  { requests, handlers }: DemoRequests,
  sent: readonly SentRequest[],
  stats: StatsJson,
): Expectation[] {
  const total = (figure: 'events' | 'duplicates' | 'quarantined') =>
    requests.reduce((sum, request) => sum + request[figure], 0)
  const [events, duplicates] = [total('events'), total('duplicates')]
  const quarantined = total('quarantined')
  const refused = requests.filter((request) => request.answer === 401).length
  const expect = (wanted: number, found: number, text: string): Expectation => {
    return { text, isMet: wanted === found, found: String(found) }
  }
  return [
    checkAnswers(sent),
    expect(events, stats.events.total, `${formatCounted(events, 'event')} stored, each once`),
    expect(
      duplicates,
      stats.duplicates,
      `${formatCounted(duplicates, 'duplicate')} recognised: no handler ran twice`,
    ),
    expect(
      quarantined,
      stats.quarantined,
      `${formatCounted(quarantined, 'unreadable line')} in quarantine, its neighbours stored`,
    ),
    expect(
      refused,
      stats.batches.refused_by_reason.signature,
      `${formatCounted(refused, 'request')} with a wrong signature refused, nothing of it kept`,
    ),
    checkJobs(handlers, stats),
  ]
}

function checkAnswers(sent: readonly SentRequest[]): Expectation {
  const wrong = sent.filter(({ request, status }) => status !== request.answer)
  return {
    text: `${formatCounted(sent.length, 'request')} answered as they must be`,
    isMet: wrong.length === 0,
    found: wrong.map(({ request, status }) => `${request.title}: ${status}`).join(', '),
  }
}

function checkJobs(wanted: DemoRequests['handlers'], { jobs }: StatsJson): Expectation {
  const wrong = Object.entries(wanted).filter(([name, count]) => {
    const { done, pending, dead } = jobs[name] ?? { done: 0, pending: 0, dead: 0 }
    return done !== count || pending > 0 || dead > 0
  })
  const found = wrong.map(([name]) => `${name}: ${JSON.stringify(jobs[name] ?? 'no job')}`)
  const total = Object.values(wanted).reduce((sum, count) => sum + count, 0)
  const text = `${formatCounted(total, 'job')} done by ${formatCounted(Object.keys(wanted).length, 'handler')}, none failed`
  return { text, isMet: wrong.length === 0, found: found.join(', ') }
}
