import type { StatsJson } from '../../admin/api/stats-schema.ts'
import { formatCounted } from '../figures.ts'
import { type Column, createTable, figureColumn } from '../table.ts'
import { type Paint, safeText } from '../terminal.ts'
import type { DemoRequest, Exercised, Expectation, SentRequest } from './exercise.ts'

export interface DemoResult extends Exercised {
  /** What the handler `audit-alert` wrote, a line for each event. */
  readonly alerts: readonly string[]
}

/** What the demo did and found, for people. */
export function describeDemo(result: DemoResult, paint: Paint): string {
  const { webhookUrl, sent, stats, expectations, alerts } = result
  const unhandled = formatCounted(stats.events.by_state.unhandled, 'event is', 'events are')
  const [effect] = alerts
  return [
    `${paint('bold', 'Sent')} over HTTP to ${webhookUrl}\n`,
    indent(createTable(requestColumns, { paint })(sent)),
    `\n${paint('bold', 'Handled')} by the examples in fixtures/handlers\n`,
    indent(createTable(handlerColumns, { paint })(Object.entries(stats.jobs))),
    `  ${paint('dim', `${unhandled} stored that no handler asked for.`)}\n`,
    effect === undefined
      ? ''
      : `\n${paint('bold', 'Done')} with one event: audit-alert wrote into its file\n  ${safeText(effect)}\n`,
    `\n${paint('bold', 'Checked')}\n`,
    ...expectations.map((expectation) => describeExpectation(expectation, paint)),
  ].join('')
}

/** Where to look and what to try next. */
export function describeNextSteps(
  { webhookUrl, adminUrl }: Exercised,
  secret: string,
  paint: Paint,
): string {
  const send = `MAILTRAP_SIGNING_SECRET=${secret} npx mailtrap-receiver send --count 1000 --url ${webhookUrl}`
  return `
${paint('bold', 'Look')}
  status page   ${paint('cyan', `${adminUrl}/`)}
  events        curl '${adminUrl}/api/events?limit=5'
  quarantine    npx mailtrap-receiver quarantine --admin-url ${adminUrl}
${paint('bold', 'Send more')}
  ${send}
${paint('dim', 'It stays up; Ctrl-C ends it and removes its data.')}
`
}

const requestColumns: readonly Column<SentRequest>[] = [
  {
    title: 'ANSWER',
    text: ({ status }) => String(status),
    colour: ({ request, status }) => (status === request.answer ? 'green' : 'red'),
  },
  { title: 'REQUEST', text: ({ request }) => request.title },
  { title: 'WHAT CAME OF IT', text: ({ request }) => describeOutcome(request) },
]

function describeOutcome({ answer, events, duplicates, quarantined }: DemoRequest): string {
  if (answer !== 200) return 'refused, nothing kept'
  const parts = [
    events > 0 ? `${formatCounted(events, 'event')} stored` : '',
    duplicates > 0 ? `${formatCounted(duplicates, 'duplicate')}, not run again` : '',
    quarantined > 0 ? `${formatCounted(quarantined, 'line')} in quarantine` : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}

const handlerColumns: readonly Column<[name: string, jobs: StatsJson['jobs'][string]]>[] = [
  { title: 'HANDLER', text: ([name]) => name },
  figureColumn('DONE', ([, jobs]) => jobs.done),
  figureColumn('PENDING', ([, jobs]) => jobs.pending),
  figureColumn('DEAD', ([, jobs]) => jobs.dead),
]

function describeExpectation({ text, isMet, found }: Expectation, paint: Paint): string {
  if (isMet) return `  ${paint('green', '✓')} ${text}\n`
  return `  ${paint('red', '✗')} ${text}  ${paint('red', `found: ${safeText(found)}`)}\n`
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}
