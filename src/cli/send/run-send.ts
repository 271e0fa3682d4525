import { type OutgoingBatch, signBatch } from '../../providers/outgoing-batch.ts'
import { PROVIDERS } from '../../providers/providers.ts'
import { type Answer, createPoster } from '../../simulator/send-request.ts'
import { type CommandContext, CommandFailure } from '../command.ts'
import { formatCount } from '../figures.ts'
import { createProgress, type Progress } from '../progress.ts'
import { createPaint, writeText } from '../terminal.ts'
import { findReceiver, type Receiver } from './find-receiver.ts'
import { chooseBatches, sendBatches } from './outgoing-batches.ts'
import type { SendCommandOptions } from './send-options.ts'
import { describeReport, type SendReport, SendTally } from './send-report.ts'

/** With no answer at all after so many, sending is given up. */
const GIVE_UP_AFTER = 20

/** Signs and posts all batches, shows how it goes, and prints what came of it. */
export async function runSend(
  files: readonly string[],
  options: SendCommandOptions,
  context: CommandContext,
): Promise<void> {
  const receiver = await findReceiver(options, context)
  const { url } = receiver
  const means = { options, context }
  const { report, problem } = await postAll(receiver, chooseBatches(files, options, context), means)
  if (report.batches === 0 && problem === undefined && !context.stopped.aborted) {
    throw new CommandFailure('There was nothing to send: no line of the files holds an event.')
  }
  if (report.batches > 0 || problem === undefined) await printReport(report, means)
  if (problem !== undefined) throw problem
  refuseBadEnd(report, url, context)
}

interface SendMeans {
  readonly options: SendCommandOptions
  readonly context: CommandContext
}

/** Sends all; `problem`: why not all could be made. */
async function postAll(
  receiver: Receiver,
  batches: AsyncIterable<OutgoingBatch>,
  { options, context }: SendMeans,
): Promise<{ report: SendReport; problem: unknown }> {
  const { elapsedMs, stopped, stoppedAgain } = context
  const send = createSender(receiver, { options, context })
  const tally = new SendTally()
  const progress = createProgress(context)
  const giveUp = new AbortController()
  const startedAt = elapsedMs()
  const problem = await sendBatches(batches, {
    connections: options.connections,
    send: send.post,
    stopped: AbortSignal.any([stopped, stoppedAgain, giveUp.signal]),
    onAnswer: (batch, answer) => {
      tally.add(batch, answer)
      if (tally.silent >= GIVE_UP_AFTER && tally.silent === tally.batches) giveUp.abort()
      showProgress(progress, tally, options.count)
    },
  }).catch((error: unknown) => error)
  progress.clear()
  send.close()
  return {
    report: tally.report({ durationMs: elapsedMs() - startedAt, seed: options.seed }),
    problem,
  }
}

async function printReport(report: SendReport, { options, context }: SendMeans): Promise<void> {
  const { stdout, env } = context
  const text = options.json
    ? `${JSON.stringify(report)}\n`
    : describeReport(report, createPaint(stdout, env))
  await writeText(stdout, text)
}

function createSender({ url, secret, basicAuth }: Receiver, { options, context }: SendMeans) {
  const { provider, secretForm, badSignature = false, connections, timeout } = options
  const { now, elapsedMs, stoppedAgain: stopped } = context
  const poster = createPoster({ connections, timeoutMs: timeout * 1_000, elapsedMs, stopped })
  const secrets = [badSignature ? reverse(secret) : secret]
  const post = (batch: OutgoingBatch): Promise<Answer> =>
    poster.post(url, batch.body, {
      'user-agent': 'mailtrap-receiver-send',
      ...signBatch(PROVIDERS[provider], batch, { secrets, secretForm, basicAuth, now: now() }),
    })
  return { post, close: poster.close }
}

/** Another secret of the same shape, even if the text reads the same backwards. */
function reverse(secret: string): string {
  return `x${[...secret].reverse().join('').slice(1)}`
}

function showProgress(
  progress: Progress,
  { batches, events, notOk }: SendTally,
  total: number | undefined,
): void {
  const problem = notOk > 0 ? `${formatCount(notOk)} not answered 200` : undefined
  const isCounted = events !== null
  progress.show({
    done: isCounted ? events : batches,
    total,
    unit: isCounted ? 'events' : 'batches',
    problem,
  })
}

function refuseBadEnd(report: SendReport, url: URL, { stopped }: CommandContext): void {
  const { batches, not_ok: notOk, answers } = report
  const silent = Object.entries(answers).every(([status]) => !/^\d+$/.test(status))
  if (batches > 0 && silent) {
    throw new CommandFailure(
      `Nothing answers at ${url.origin}${url.pathname} (${Object.keys(answers).join(', ')}). Start the receiver with mailtrap-receiver serve, or say where it is with --url.`,
    )
  }
  if (notOk > 0) {
    const which =
      batches === 1
        ? 'The batch was'
        : `${formatCount(notOk)} of ${formatCount(batches)} batches were`
    throw new CommandFailure([`${which} not answered 200.`, ...explainAnswers(answers)].join(' '))
  }
  if (stopped.aborted) throw new CommandFailure('Stopped before everything was sent.')
}

/** What to look at, for answers whose cause is known. */
const CAUSES: Readonly<Record<string, string>> = {
  401: 'the secret, BASIC_AUTH or URL_TOKEN is not the one of the receiver.',
  403: 'the receiver does not take requests from this address (ALLOW_IPS).',
  404: 'the receiver has no source of the name at the end of the URL.',
  413: 'a batch is larger than BODY_LIMIT of the receiver.',
}

function explainAnswers(answers: SendReport['answers']): string[] {
  return Object.keys(answers).flatMap((status) => {
    const cause = CAUSES[status]
    return cause === undefined ? [] : [`${status}: ${cause}`]
  })
}
