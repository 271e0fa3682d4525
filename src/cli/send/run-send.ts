import { type Answer, createPoster } from '../../simulator/create-poster.ts'
import type { OutgoingBatch } from '../../simulator/pack-batch.ts'
import type { CommandContext } from '../command-context.ts'
import { CommandFailure } from '../command-failure.ts'
import { formatCount } from '../terminal/figures.ts'
import { createPaint } from '../terminal/paint.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { writeText } from '../terminal/write-text.ts'
import { chooseBatches } from './choose-batches.ts'
import { createSigner } from './create-signer.ts'
import { findSigningSecret } from './find-secret.ts'
import { sendBatches } from './send-batches.ts'
import type { SendCommandOptions } from './send-options.ts'
import { describeReport, type SendReport } from './send-report.ts'
import { SendTally } from './send-tally.ts'
import { showUrl, targetUrl } from './target-url.ts'

/** With no answer at all after so many, sending is given up. */
const GIVE_UP_AFTER = 20

/** Signs and posts all batches, shows how it goes, and prints what came of it. */
export async function runSend(
  files: readonly string[],
  options: SendCommandOptions,
  context: CommandContext,
): Promise<void> {
  const url = targetUrl(options, options.token ?? context.env.URL_TOKEN)
  const means = { options, context }
  const { report, problem } = await postAll(url, chooseBatches(files, options, context), means)
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
  url: URL,
  batches: AsyncIterable<OutgoingBatch>,
  { options, context }: SendMeans,
): Promise<{ report: SendReport; problem: unknown }> {
  const { elapsedMs, stopped, stoppedAgain } = context
  const send = await createSender(url, { options, context })
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

async function createSender(url: URL, { options, context }: SendMeans) {
  const { provider, secretForm, badSignature = false, connections, timeout } = options
  const { env, now, elapsedMs, stoppedAgain } = context
  const headersFor = createSigner({
    provider,
    secret: await findSigningSecret(options, env),
    secretForm,
    isForged: badSignature,
    basicAuth: options.basicAuth ?? env.BASIC_AUTH,
    now,
  })
  const timeoutMs = timeout * 1_000
  const poster = createPoster({ url, connections, timeoutMs, elapsedMs, signal: stoppedAgain })
  const post = (batch: OutgoingBatch): Promise<Answer> => poster.post(batch.body, headersFor(batch))
  return { post, close: poster.close }
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
      `Nothing answers at ${showUrl(url)} (${Object.keys(answers).join(', ')}). Start the receiver with mailtrap-receiver serve, or say where it is with --url.`,
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
