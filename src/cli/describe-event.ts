import type { EventDetailJson } from '../admin/json/event-json.ts'
import type { JobJson } from '../admin/json/job-json.ts'
import { formatDuration, formatInstant } from './terminal/figures.ts'
import type { Paint } from './terminal/paint.ts'
import { safeLines, safeText } from './terminal/safe-text.ts'

const TITLE_WIDTH = 12

/** One event with its jobs and its exact payload, for people. */
export function describeEvent(event: EventDetailJson, paint: Paint): string {
  const facts: readonly (readonly [title: string, value: string])[] = [
    ['event', event.id],
    ['type', event.name ? `${event.type} (${event.name})` : event.type],
    ['state', event.state],
    ['received', `${formatInstant(event.received_at)} UTC, source ${event.source}`],
    ['happened', event.occurred_at ? `${formatInstant(event.occurred_at)} UTC` : '-'],
    ['event id', event.event_id ?? '-'],
    ['message id', event.message_id ?? '-'],
    ['recipient', event.recipient ?? '-'],
    ['batch', `${event.batch}, piece ${event.position}`],
  ]
  const lines = facts.map(
    ([title, value]) => `${paint('dim', title.padEnd(TITLE_WIDTH))}${safeText(value)}`,
  )
  const jobs = event.jobs.length === 0 ? [explainNoJob(event)] : event.jobs.flatMap(describeJob)
  return [...lines, '', ...jobs, '', safeLines(event.payload), ''].join('\n')
}

function explainNoJob({ is_test: isTest, state }: EventDetailJson): string {
  if (isTest) return 'A test of the provider: it is kept, and never given to handlers.'
  if (state === 'conflict') return 'Its id is that of an event with other content: replay runs it.'
  if (state === 'stale') return 'It is older than the keys kept here: replay runs it.'
  return 'No handler wanted it.'
}

function describeJob(job: JobJson): string[] {
  const due = job.state === 'pending' && job.due_at ? `, due ${formatInstant(job.due_at)} UTC` : ''
  const title = `${safeText(job.handler)}: ${job.state}, ${attempts(job.attempt)}${due}`
  return [title, ...job.attempts.map(describeAttempt)]
}

function describeAttempt(row: JobJson['attempts'][number]): string {
  const error = row.error === null ? '' : `\n${indent(safeLines(row.error))}`
  const when = `${formatInstant(row.ended_at)} UTC, took ${formatDuration(row.duration_ms)}`
  return `  attempt ${row.attempt}: ${row.outcome}, ${when}${error}`
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}

function attempts(count: number): string {
  return count === 1 ? '1 attempt' : `${count} attempts`
}
