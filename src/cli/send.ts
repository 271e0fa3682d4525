import { validateHeaderValue } from 'node:http'
import { Command, Option } from 'commander'
import { DEFAULT_PROVIDER, PROVIDER_NAMES, SECRET_FORMS } from '../model.ts'
import { type OutgoingBatch, signBatch } from '../providers/outgoing-batch.ts'
import { PROVIDERS } from '../providers/providers.ts'
import { findType, listTypes } from '../simulator/samples/sample-events.ts'
import { type Answer, createPoster } from '../simulator/send-request.ts'
import {
  type CommandContext,
  CommandFailure,
  numberReader,
  readerOf,
  readSeconds,
  readSeed,
  readUrl,
  readWholeNumber,
} from './command.ts'
import { createProgress } from './progress.ts'
import { findReceiver, type Receiver, type SendCommandOptions } from './send/find-receiver.ts'
import { chooseBatches, sendBatches } from './send/outgoing-batches.ts'
import { describeReport, refuseBadEnd, SendTally } from './send/send-report.ts'
import { printAnswer } from './terminal.ts'

const EXAMPLES = `
Examples:
  mailtrap-receiver send batch.json                       a file, byte for byte, as one batch
  mailtrap-receiver send - < batch.jsonl --content-type application/jsonl
  mailtrap-receiver send --count 10000 --rate 500         generated events
  mailtrap-receiver send --count 10 --type bounce,spam --format jsonl
  mailtrap-receiver send export.jsonl --split             events of a long file, 500 to a batch
  mailtrap-receiver send batch.json --bad-signature       must be answered with 401

It goes to the receiver whose settings it is given: HOST, PORT, DATA_DIR and the like. The secret is
taken from --secret, --secret-file, MAILTRAP_SIGNING_SECRET (MAILINGAPI_SIGNING_SECRET), the same name
with _FILE, or the data directory of a receiver that runs with --dev. What stands in
the command line can be seen by every user of the machine: prefer the environment or a file.

Exit code 0 when every batch was answered 200, otherwise 1.`

export function sendCommand(context: CommandContext): Command {
  const command = new Command('send')
    .argument('[files...]', 'files to send as they are, - for stdin')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], options: SendCommandOptions) => {
      const problem = findContradiction(files, options)
      if (problem) command.error(`error: ${problem}`)
      await send(files, options, context)
    })
  addAddressOptions(command)
  addContentOptions(command)
  return command
    .option('--rate <n>', 'events per second at most', readWholeNumber)
    .option('--connections <n>', 'batches under way at a time', readConnections, 4)
    .option('--timeout <seconds>', 'for one answer', readSeconds, 30)
    .option('--json', 'print JSON, for machines')
}

const readConnections = numberReader('Give a whole number from 1 to 10000.', 1, 10_000)
const readContentType = readerOf('Give a content type, such as application/json.', (text) => {
  validateHeaderValue('content-type', text)
  return text
})

/** Where to, and how to be let in. */
function addAddressOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the receiver’s settings in YAML (default: CONFIG_FILE)')
    .option('--url <url>', 'where to (default: /webhooks/<provider> of its settings)', readUrl)
    .addOption(
      new Option('--provider <name>', 'signature and shape')
        .choices(PROVIDER_NAMES)
        .default(DEFAULT_PROVIDER),
    )
    .option('--secret <text>', 'signing secret; visible to others, see below')
    .option('--secret-file <path>', 'file with the signing secret')
    .addOption(
      new Option('--secret-form <form>', 'how a MailingAPI secret becomes a key')
        .choices(SECRET_FORMS)
        .default('raw'),
    )
    .option('--basic-auth <user:password>', 'also for the URL (default: BASIC_AUTH)')
    .option('--token <text>', 'sent as ?token= (default: URL_TOKEN)')
    .option('--bad-signature', 'sign with a wrong secret')
}

/** What to send: files or generated events. */
function addContentOptions(command: Command): Command {
  return command
    .option('--content-type <type>', 'of files and stdin (default: by the name)', readContentType)
    .option('--split', 'files hold an event a line: pack these into batches')
    .option('--count <n>', 'generate so many events', readWholeNumber)
    .option('--type <types>', 'generate these only, comma-separated')
    .option('--seed <n>', 'the same events again, with times from 2026-01-01 on', readSeed)
    .option('--batch-size <n>', 'events in a batch (default: 500; mailingapi: 1)', readWholeNumber)
    .addOption(
      new Option('--format <format>', 'of generated and split batches')
        .choices(['json', 'jsonl', 'array'])
        .default('json'),
    )
}

function findContradiction(
  files: readonly string[],
  options: SendCommandOptions,
): string | undefined {
  const { count, provider, type, split, batchSize, rate } = options
  const isGenerated = count !== undefined
  if (isGenerated === files.length > 0) {
    return isGenerated
      ? 'give either files or --count, not both'
      : 'say what to send: files, - for stdin, or --count for generated events'
  }
  if (!isGenerated && !split && rate !== undefined) {
    return '--rate counts events: it needs --count, or --split for files'
  }
  if (PROVIDERS[provider].requests.maxEvents === 1 && (batchSize ?? 1) > 1) {
    return `${provider} sends one event in a request: leave --batch-size out`
  }
  const unknown = type?.split(',').find((name) => findType(provider, name.trim()) === undefined)
  if (unknown === undefined) return undefined
  return `events of type '${unknown}' cannot be generated; there are ${listTypes(provider).join(', ')}`
}

/** With no answer at all after so many, sending is given up. */
const GIVE_UP_AFTER = 20

/** Signs and posts all batches, shows how it goes, and prints what came of it. */
async function send(
  files: readonly string[],
  options: SendCommandOptions,
  context: CommandContext,
): Promise<void> {
  const { elapsedMs, stopped, stoppedAgain } = context
  const receiver = await findReceiver(options, context)
  const batches = chooseBatches(files, options, context)
  const sender = createSender(receiver, options, context)
  const tally = new SendTally()
  const progress = createProgress(context)
  const giveUp = new AbortController()
  const startedAt = elapsedMs()
  const problem = await sendBatches(batches, {
    connections: options.connections,
    send: sender.post,
    stopped: AbortSignal.any([stopped, stoppedAgain, giveUp.signal]),
    onAnswer: (batch, answer) => {
      tally.add(batch, answer)
      if (tally.silent >= GIVE_UP_AFTER && tally.silent === tally.batches) giveUp.abort()
      progress.show({ ...tally.progress, total: options.count })
    },
  }).catch((error: unknown) => error)
  progress.clear()
  sender.close()
  const report = tally.report({ durationMs: elapsedMs() - startedAt, seed: options.seed })
  if (report.batches === 0 && problem === undefined && !stopped.aborted) {
    throw new CommandFailure('There was nothing to send: no line of the files holds an event.')
  }
  if (report.batches > 0 || problem === undefined) {
    await printAnswer(context, report, (paint) => describeReport(report, paint))
  }
  if (problem !== undefined) throw problem
  refuseBadEnd(report, receiver.url)
  if (stopped.aborted) throw new CommandFailure('Stopped before everything was sent.')
}

function createSender(
  { url, secret, basicAuth }: Receiver,
  { provider, secretForm, badSignature = false, connections, timeout }: SendCommandOptions,
  { now, elapsedMs, stoppedAgain: stopped }: CommandContext,
) {
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
