import type { StatsJson } from '../../admin/api/stats-schema.ts'
import { formatCounted } from '../figures.ts'
import type { DemoRequests } from './demo-requests.ts'
import type { SentRequest } from './send-demo.ts'

/** One promise of the receiver, and whether it was kept. */
export interface Expectation {
  readonly text: string
  readonly isMet: boolean
  /** What was found instead, when it is not met. */
  readonly found: string
}

/** Compares what must have come of the requests with what the receiver says. */
export function checkDemo(
  { requests, handlers }: DemoRequests,
  sent: readonly SentRequest[],
  stats: StatsJson,
): Expectation[] {
  const total = (figure: 'events' | 'duplicates' | 'quarantined') =>
    requests.reduce((sum, request) => sum + request[figure], 0)
  const refused = requests.filter((request) => request.answer === 401).length
  const jobs = Object.values(handlers).reduce((sum, count) => sum + count, 0)
  return [
    checkAnswers(sent),
    expectCount(
      total('events'),
      stats.events.total,
      (count) => `${formatCounted(count, 'event')} stored, each once`,
    ),
    expectCount(
      total('duplicates'),
      stats.duplicates,
      (count) => `${formatCounted(count, 'duplicate')} recognised: no handler ran twice`,
    ),
    expectCount(
      total('quarantined'),
      stats.quarantined,
      (count) => `${formatCounted(count, 'unreadable line')} in quarantine, its neighbours stored`,
    ),
    expectCount(
      refused,
      stats.batches.refused_by_reason.signature,
      (count) =>
        `${formatCounted(count, 'request')} with a wrong signature refused, nothing of it kept`,
    ),
    checkJobs(
      handlers,
      stats,
      `${formatCounted(jobs, 'job')} done by ${formatCounted(Object.keys(handlers).length, 'handler')}, none failed`,
    ),
  ]
}

function expectCount(wanted: number, found: number, say: (count: number) => string): Expectation {
  return { text: say(wanted), isMet: wanted === found, found: String(found) }
}

function checkAnswers(sent: readonly SentRequest[]): Expectation {
  const wrong = sent.filter(({ request, status }) => status !== request.answer)
  return {
    text: `${formatCounted(sent.length, 'request')} answered as they must be`,
    isMet: wrong.length === 0,
    found: wrong.map(({ request, status }) => `${request.title}: ${status}`).join(', '),
  }
}

function checkJobs(
  wanted: DemoRequests['handlers'],
  { jobs }: StatsJson,
  text: string,
): Expectation {
  const wrong = Object.entries(wanted).filter(([name, count]) => {
    const { done, pending, dead } = jobs[name] ?? { done: 0, pending: 0, dead: 0 }
    return done !== count || pending > 0 || dead > 0
  })
  const found = wrong.map(([name]) => `${name}: ${JSON.stringify(jobs[name] ?? 'no job')}`)
  return { text, isMet: wrong.length === 0, found: found.join(', ') }
}
