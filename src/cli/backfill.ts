import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import type { FillJson } from '../admin/api/backfill.ts'
import { parseInstant } from '../admin/parameters.ts'
import { readSettings } from '../config.ts'
import { createMailtrapApi, type MailtrapApi } from '../guardian/management-api.ts'
import { ManagementFailure } from '../guardian/management-failure.ts'
import { readLoggedEvents } from '../providers/mailtrap/backfill.ts'
import { pagesOf } from '../store/store.ts'
import { type CommandContext, readerOf, wrongSettings } from './command.ts'
import { addAdminOptions, connectToChange } from './connect.ts'
import { createProgress } from './progress.ts'
import { formatCounted, formatInstant, printAnswer } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver backfill --from 2026-11-21T02:00 --to 2026-11-21T09:30 --dry-run
  mailtrap-receiver backfill --from 2026-11-21T02:00 --to 2026-11-21T09:30

It needs MAILTRAP_API_TOKEN and MAILTRAP_ACCOUNT_ID. The e-mail log knows sent e-mails and
what became of them: nothing of audit log, inbound and campaigns.`

interface BackfillOptions {
  readonly from: number
  readonly to: number
  readonly sentFrom?: number
  readonly source?: string
  readonly dryRun?: boolean
}

/** Opened and clicked later than that: to be asked for with --sent-from. */
const USUALLY_DONE_MS = 3 * 86_400_000
const EVENTS_AT_ONCE = 500
/** The provider takes 150 requests in 10 s; others use the token too. */
const PACE_MS = 100
const LIMITED_MS = 10_000
const TRIES = 6

export function backfillCommand(context: CommandContext): Command {
  const command = new Command('backfill')
    .requiredOption('--from <time>', 'events at or after, for example 2026-11-21T02:00', readTime)
    .requiredOption('--to <time>', 'events before', readTime)
    .option('--sent-from <time>', 'of e-mails sent at or after (default: 3 days before)', readTime)
    .option('--source <name>', 'the source to which they belong (default: the only one)')
    .option('--dry-run', 'only tell what is missing')
    .addHelpText('after', EXAMPLES)
    .action(async (options: BackfillOptions) => {
      if (options.from >= options.to) command.error('error: --from has to be earlier than --to')
      await backfill(options, context)
    })
  return addAdminOptions(command)
}

const readTime = readerOf(
  'Give a time such as 2026-11-21T09:30; without a zone it is UTC.',
  parseInstant,
)

const NOTHING = { messages: 0, events: 0, known: 0, missing: 0 }

async function backfill(options: BackfillOptions, context: CommandContext): Promise<void> {
  const { from, to, source, sentFrom = from - USUALLY_DONE_MS, dryRun = false } = options
  const { stopped: signal } = context
  const api = createApi(context)
  // Before the provider is asked for minutes: what it tells is compared with what the receiver has.
  const client = await connectToChange(context)
  const progress = createProgress(context)
  const tally = { ...NOTHING }
  const waiting: object[] = []

  const fill = async () => {
    const events = waiting.splice(0, EVENTS_AT_ONCE)
    const body = { from, to, dry_run: dryRun, events, ...(source !== undefined && { source }) }
    const { known, missing } = await client.work<FillJson>('/api/backfill', body)
    tally.known += known
    tally.missing += missing
  }
  try {
    const span = { from: sentFrom, to }
    const pages = pagesOf(({ cursor }) => retried(() => api.listSent(span, cursor), signal))
    for await (const { ids } of pages) {
      for (const id of ids) {
        const message = await retried(() => api.getSent(id), signal)
        const events = readLoggedEvents(message, { from, to })
        tally.messages++
        tally.events += events.length
        waiting.push(...events)
        if (waiting.length >= EVENTS_AT_ONCE) await fill()
        progress.show({ done: tally.messages, unit: 'e-mails' })
        await setTimeout(PACE_MS, undefined, { signal })
      }
    }
    while (waiting.length > 0) await fill()
  } finally {
    progress.clear()
  }
  const report = { ...tally, added: dryRun ? 0 : tally.missing }
  await printAnswer(context, report, () => describe(report, { dryRun, sentFrom }))
}

function createApi({ env, stopped }: CommandContext): MailtrapApi {
  const { management } = readSettings({ env, isSourceOptional: true })
  if (!management) {
    throw wrongSettings(
      'MAILTRAP_API_TOKEN is not set: without it Mailtrap does not tell what happened.',
    )
  }
  return createMailtrapApi({ ...management, signal: stopped })
}

/** Waits where the provider says that it was asked too often. */
async function retried<Answer>(ask: () => Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      const isLimited = error instanceof ManagementFailure && error.code === 'limited'
      if (!isLimited || tries === TRIES) throw error
      await setTimeout(error.retryAfterMs ?? LIMITED_MS, undefined, { signal })
    }
  }
}

function describe(
  { messages, events, known, missing }: Readonly<Record<keyof typeof NOTHING, number>>,
  { dryRun, sentFrom }: { readonly dryRun: boolean; readonly sentFrom: number },
): string {
  const asked = `Mailtrap tells of ${formatCounted(events, 'event')} of ${formatCounted(messages, 'e-mail')} sent since ${formatInstant(new Date(sentFrom).toISOString())} UTC.`
  const outcome = dryRun
    ? `${formatCounted(missing, 'is', 'are')} missing here; nothing was put in.`
    : `${formatCounted(missing, 'was', 'were')} missing and put in: the handlers get them.`
  return `${asked} ${formatCounted(known, 'was', 'were')} here already. ${outcome}\nNot told apart: events of one e-mail, of one type, in one second. Not looked for: what became of e-mails sent before.`
}
