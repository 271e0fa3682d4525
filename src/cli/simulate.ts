import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { Command, Option } from 'commander'
import { timeWithin } from '../config/quantities.ts'
import { createRandom, SEEDED_START } from '../simulator/samples/sample-events.ts'
import { FAULT_MEANINGS, FAULT_NAMES, FAULTS } from '../simulator/sending/faults.ts'
import type { AttemptJson, SimulatorState } from '../simulator/sending/senders.ts'
import { createVirtualClock } from '../simulator/sending/virtual-clock.ts'
import { Simulator, type SimulatorOptions } from '../simulator/simulator.ts'
import {
  type CommandContext,
  CommandFailure,
  describeError,
  numberReader,
  readerOf,
  readSeconds,
  readSeed,
  readWholeNumber,
} from './command.ts'
import { readSecret } from './command-settings.ts'
import {
  createPaint,
  formatCounted,
  formatDuration,
  formatInstant,
  type Paint,
  safeText,
} from './terminal.ts'

const FAULT_LINES = Object.entries(FAULT_MEANINGS).map(
  ([name, meaning]) => `  ${name.padEnd(16)} ${meaning}\n`,
)

const NOTES = `
Examples:
  mailtrap-receiver simulate --events 1000 --speed 60
  mailtrap-receiver simulate --events 20000 --over 10m --seed 1 --faults duplicate=0.1,reorder
  mailtrap-receiver simulate --state simulator.json

It answers as the management APIs do (/api/webhooks, /api/accounts/<id>/webhooks, /v1/webhooks) and
sends as documented: batches of up to 500 every 30 s, signed; only 200 counts; 40 retries every
5 minutes, then it pauses the webhook. MailingAPI gets one event a request; its retries are assumed.
Any API token will do, unless MAILTRAP_API_TOKEN or MAILINGAPI_API_TOKEN is set here.

By hand, with curl --json '{…}' <url>/simulator/<what>:
  clock      {"advance":"3h"} runs ahead and answers when all is sent; {"speed":60}
  faults     {"duplicate":0.1}: from now on these, and no other
  streams    {"webhook":"mailtrap/9001","events":100,"over":"1h","seed":1}
  webhooks/mailtrap/9001/reset-secret   {}: answers the new one
  events     events of your own, a line each: curl --data-binary @events.jsonl; ?provider=mailingapi
GET /simulator/status shows everything, GET / the same for people.

Faults, each with its share:
${FAULT_LINES.join('')}`

export function simulateCommand(context: CommandContext): Command {
  return new Command('simulate')
    .option('--events <n>', 'generate so many for each kind of webhook', readWholeNumber)
    .addOption(
      new Option('--over <time>', 'in which the mails go out; openings follow for days')
        .argParser(readSpan)
        .default(3_600_000, '1h'),
    )
    .option('--seed <n>', 'the same events again, with times from 2026-01-01 on', readSeed)
    .option('--speed <n>', '60 makes a minute of a second, 0 stands still', readSpeed, 1)
    .addOption(
      new Option('--faults <list>', 'what goes wrong, and how often, see below')
        .argParser(readFaults)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--retries <profile>', '40 every 5 minutes, or 10 in 24 hours')
        .choices(['steady', 'backoff'])
        .default('steady'),
    )
    .addOption(
      new Option('--when-paused <what>', 'becomes of the events of a paused webhook')
        .choices(['keep', 'drop'])
        .default('keep'),
    )
    .option('--timeout <seconds>', 'for one answer, in our time', readSeconds, 30)
    .option('--account <id>', 'of the API token; others are forbidden (default: any)')
    .addOption(
      new Option(
        '--token-expires <time>',
        'from now on, by the real clock (default: never)',
      ).argParser(readSpan),
    )
    .option('--state <file>', 'keep everything in this file, and go on from it')
    .option('--host <address>', 'to listen on', '127.0.0.1')
    .option('--port <n>', 'to listen on; 0 takes a free one', readPort, 3002)
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', NOTES)
    .action((options: SimulateOptions) => runSimulator(options, context))
}

/** The options of `simulate`, as its command line names them. */
interface SimulateOptions extends Pick<SimulatorOptions, 'faults' | 'retries' | 'whenPaused'> {
  readonly host: string
  readonly port: number
  readonly speed: number
  readonly events?: number
  /** Milliseconds. */
  readonly over: number
  readonly seed?: number
  /** Seconds. */
  readonly timeout: number
  readonly account?: string
  /** Milliseconds. */
  readonly tokenExpires?: number
  readonly state?: string
}

const MAX_SPEED = 1_000_000

const readSpeed = readerOf('Give a number such as 60, which makes a minute of a second.', (text) =>
  /^\d+(\.\d+)?$/.test(text) && Number(text) <= MAX_SPEED ? Number(text) : undefined,
)
const readPort = numberReader('Give a port from 0, any free one, to 65535.', 0, 65_535)
const readSpan = readerOf(
  'Give a time with its unit, such as 30s, 10m or 2h, up to 10000d.',
  timeWithin('0ms', '10000d'),
)

/** `duplicate=0.1,reorder=1` */
const readFaults = readerOf(
  `Give name=share, the share from 0 to 1; names are ${FAULT_NAMES.join(', ')}.`,
  (text) => {
    const faults = text.split(',').map((part) => part.trim().split('='))
    const shares = faults.map(([name, share = '1']) => [name, share === '' ? share : Number(share)])
    return FAULTS.parse(Object.fromEntries(shares))
  },
)

/** Runs both providers until the process is asked to stop. */
async function runSimulator(options: SimulateOptions, context: CommandContext): Promise<void> {
  const { stdout, stderr, env, stopped, elapsedMs, now } = context
  const { account, tokenExpires, host, port, state: file } = options
  // Loaded here, so that no help waits for a server.
  const { createSimulatorServer, keepState, loadState } = await import(
    '../simulator/create-simulator-server.ts'
  )
  const state = file === undefined ? undefined : readState(file, loadState)
  const simulator = createSimulator(options, state, context)
  const token = await readSecret({ name: 'MAILTRAP_API_TOKEN' }, env)
  const tokenEndsAt = tokenExpires === undefined ? undefined : now() + tokenExpires
  const server = createSimulatorServer(simulator, {
    mailtrap: { token, account, tokenEndsAt, elapsedMs, now },
    mailingapi: { token: await readSecret({ name: 'MAILINGAPI_API_TOKEN' }, env) },
  })
  const tell = (error: unknown) =>
    stderr.write(`The state cannot be kept: ${describeError(error)} Trying again…\n`)
  const stopKeeping = file === undefined ? () => {} : keepState(simulator, file, tell)
  try {
    const url = await server.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
      const remedy =
        error.syscall === 'getaddrinfo' || error.code === 'EADDRNOTAVAIL'
          ? 'Give an address of this machine with --host, such as 127.0.0.1.'
          : 'Give another with --port; 0 takes a free one.'
      throw new CommandFailure(`Port ${port} of ${host} cannot be had (${error.code}). ${remedy}`, {
        cause: error,
      })
    })
    stdout.write(
      context.options.json ? `${JSON.stringify({ url })}\n` : describeStart(url, options),
    )
    if (!stopped.aborted) await once(stopped, 'abort')
  } finally {
    await server.close()
    await simulator.stop()
    stopKeeping()
  }
}

function createSimulator(
  { events, over: overMs, speed, timeout, ...options }: SimulateOptions,
  state: SimulatorState | undefined,
  { now, elapsedMs, stdout, env, options: { json } }: CommandContext,
): Simulator {
  const { faults, retries, whenPaused } = options
  const seed = options.seed ?? randomInt(0x1_0000_0000)
  const startsAt = state?.now ?? (options.seed === undefined ? now() : SEEDED_START)
  const paint = createPaint(stdout, env)
  return new Simulator({
    clock: createVirtualClock({ startsAt, speed, elapsedMs }),
    random: createRandom(seed),
    randomHex: (digits) => randomBytes(digits).toString('hex').slice(0, digits),
    generate: events === undefined ? undefined : { events, overMs, seed },
    timeoutMs: timeout * 1_000,
    onAttempt: (attempt) => {
      stdout.write(json ? `${JSON.stringify(attempt)}\n` : describeAttempt(attempt, paint))
    },
    ...{ faults, retries, whenPaused, now, elapsedMs, state },
  })
}

function readState<State>(path: string, load: (path: string) => State): State {
  try {
    return load(path)
  } catch (error) {
    throw new CommandFailure(
      `The file ${path} holds no state of a simulator, or cannot be read. Give another with --state, or remove it to begin anew.`,
      { cause: error },
    )
  }
}

function describeStart(url: string, { speed, events }: SimulateOptions): string {
  const generated =
    events === undefined
      ? 'Post events to it, or start it with --events.'
      : `Each kind of webhook gets ${events} events.`
  return `Mailtrap and MailingAPI, simulated at ${url}, ${speed} times as fast. ${generated}
Create a webhook with
  MAILTRAP_API_TOKEN=any npx mailtrap-receiver webhooks create --api-url ${url} --url http://127.0.0.1:3000/webhooks/mailtrap
Look at ${url}/. Ctrl-C ends it.
`
}

/** One request as a line; where the provider gives up, it says so. */
function describeAttempt(attempt: AttemptJson, paint: Paint): string {
  const { at, webhook, batch, events, status, duration_ms: durationMs, end } = attempt
  const answer = paint(status === 200 ? 'green' : 'red', safeText(String(status)))
  const which = attempt.attempt === 1 ? '' : `, attempt ${attempt.attempt}`
  const line = `${formatInstant(at)}  ${webhook}  batch ${batch}${which}, ${formatCounted(events, 'event')}: ${answer} in ${formatDuration(durationMs)}\n`
  if (end !== 'given_up') return line
  const note = `${webhook} is paused: that was the last retry. An e-mail would tell the account's owner.`
  return `${line}${formatInstant(at)}  ${paint('red', note)}\n`
}
