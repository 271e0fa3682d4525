import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import type { AttemptJson } from '../simulator/control/status.ts'
import type { SimulatorServer } from '../simulator/create-simulator-server.ts'
import type { Faults } from '../simulator/sending/faults.ts'
import type { RetryProfile } from '../simulator/sending/webhook-queue.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { SimulatorState } from '../simulator/state-file.ts'
import { type CommandContext, CommandFailure } from './command.ts'
import { readSecret } from './command-settings.ts'
import { formatCounted, formatDuration, formatInstant } from './figures.ts'
import { createPaint, type Paint, safeText } from './terminal.ts'

/** The options of `simulate`, as its command line names them. */
export interface SimulateOptions {
  readonly host: string
  readonly port: number
  readonly speed: number
  readonly events?: number
  /** Milliseconds. */
  readonly over: number
  readonly seed?: number
  readonly faults: Faults
  readonly retries: RetryProfile
  readonly whenPaused: 'keep' | 'drop'
  /** Seconds. */
  readonly timeout: number
  readonly account?: string
  /** Milliseconds. */
  readonly tokenExpires?: number
  readonly state?: string
  readonly json?: boolean
}

/** As with `send`: the same seed gives the same events, so their times begin here. */
const SEEDED_START = Date.UTC(2026, 0, 1)

/** Runs both providers until the process is asked to stop. */
export async function runSimulator(
  options: SimulateOptions,
  context: CommandContext,
): Promise<void> {
  const { stdout, env, stopped, elapsedMs, now } = context
  // Loaded here, so that no other command waits for it.
  const { createSimulatorServer } = await import('../simulator/create-simulator-server.ts')
  const { keepState } = await import('../simulator/state-file.ts')
  const simulator = await createSimulator(options, context)
  const server = createSimulatorServer(simulator, {
    host: options.host,
    port: options.port,
    mailtrap: {
      token: await readSecret({ name: 'MAILTRAP_API_TOKEN' }, env),
      account: options.account,
      tokenEndsAt: options.tokenExpires === undefined ? undefined : now() + options.tokenExpires,
      elapsedMs,
      now,
    },
    mailingapi: { token: await readSecret({ name: 'MAILINGAPI_API_TOKEN' }, env) },
  })
  const stopKeeping = options.state === undefined ? () => {} : keepState(simulator, options.state)
  try {
    const url = await listen(server, options)
    stdout.write(options.json ? `${JSON.stringify({ url })}\n` : describeStart(url, options))
    if (!stopped.aborted) await once(stopped, 'abort')
  } finally {
    await server.close()
    await simulator.stop()
    stopKeeping()
  }
}

async function createSimulator(
  options: SimulateOptions,
  context: CommandContext,
): Promise<Simulator> {
  const { Simulator: Both } = await import('../simulator/simulator.ts')
  const { createRandom } = await import('../simulator/samples/sample-events.ts')
  const { createVirtualClock } = await import('../simulator/sending/virtual-clock.ts')
  const { attemptJson } = await import('../simulator/control/status.ts')
  const { now, elapsedMs } = context
  const { events, over: overMs, speed, faults, retries, whenPaused } = options
  const state = await readState(options.state)
  const seed = options.seed ?? randomInt(0x1_0000_0000)
  const startsAt = state?.now ?? (options.seed === undefined ? now() : SEEDED_START)
  const show = createAttemptPrinter(options, context)
  return new Both({
    clock: createVirtualClock({ startsAt, speed, elapsedMs }),
    random: createRandom(seed),
    randomHex: (digits) =>
      randomBytes(Math.ceil(digits / 2))
        .toString('hex')
        .slice(0, digits),
    generate: events === undefined ? undefined : { events, overMs, seed },
    timeoutMs: options.timeout * 1_000,
    onAttempt: (record) => show(attemptJson(record)),
    ...{ faults, retries, whenPaused, now, elapsedMs, state },
  })
}

function createAttemptPrinter(
  { json }: SimulateOptions,
  { stdout, env }: CommandContext,
): (attempt: AttemptJson) => void {
  const paint = createPaint(stdout, env)
  return (attempt) => {
    stdout.write(json ? `${JSON.stringify(attempt)}\n` : describeAttempt(attempt, paint))
  }
}

async function readState(path: string | undefined): Promise<SimulatorState | undefined> {
  if (path === undefined) return undefined
  const { loadState } = await import('../simulator/state-file.ts')
  try {
    return loadState(path)
  } catch (error) {
    throw new CommandFailure(
      `The file ${path} holds no state of a simulator, or cannot be read. Give another with --state, or remove it to begin anew.`,
      { cause: error },
    )
  }
}

async function listen(server: SimulatorServer, { host, port }: SimulateOptions): Promise<string> {
  return server.listen().catch((error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'listen') throw error
    throw new CommandFailure(
      `Port ${port} of ${host} cannot be had (${error.code}). Give another with --port; 0 takes a free one.`,
      { cause: error },
    )
  })
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
