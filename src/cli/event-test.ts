import { basename } from 'node:path'
import type { EventDetailJson } from '../admin/api/events.ts'
import type { HandlerJson } from '../admin/api/handlers.ts'
import { CommandFailure } from './command.ts'
import { safeText } from './terminal.ts'

export interface EventTest {
  /** To be put beside the handler's module. */
  readonly text: string
  /** What to say of it to the person who asked. */
  readonly hint: string
}

/**
 * A test for vitest that hands an event to a handler as the receiver did, and expects that it is done:
 * `wanted`, else the one whose job is dead, else one whose job has failed, else the first that got it.
 */
export function writeEventTest(
  event: EventDetailJson,
  handlers: readonly HandlerJson[],
  wanted?: string,
): EventTest {
  const name = wanted ?? chooseHandler(event)
  const module = findModule(name, event, handlers)
  const job = event.jobs.find(({ handler }) => handler === name)
  const [problem] = job?.last_error?.split('\n') ?? []
  const about = problem === undefined ? [] : [`// What came of it last: ${safeText(problem)}`]
  const attempt = Math.max(1, job?.attempt ?? 1)
  const title = `handles event ${event.id}, ${event.type}`
  const text = [
    "import { runHandler } from 'mailtrap-receiver/testing'",
    "import { expect, it } from 'vitest'",
    `import handler from ${JSON.stringify(`./${module}`)}`,
    '',
    `const event = ${writeLiteral(event.payload)}`,
    '',
    ...about,
    `it(${JSON.stringify(title)}, async () => {`,
    '  const run = await runHandler(handler, event, {',
    `    provider: ${JSON.stringify(event.provider)},`,
    `    source: ${JSON.stringify(event.source)},`,
    `    attempt: ${attempt},`,
    `    receivedAt: new Date(${JSON.stringify(event.received_at)}),`,
    '  })',
    "  expect(run.outcome, run.error).toBe('done')",
    '})',
    '',
  ].join('\n')
  const file = `${module.replace(/\.[^.]+$/, '')}.event-${event.id}.test.ts`
  return {
    text,
    hint: `Put it beside ${safeText(module)}, such as in ${safeText(file)}, and run: npx vitest run --dir handlers. It holds the event as it came, with its addresses: change them before you keep it.`,
  }
}

function chooseHandler({ id, jobs, state }: EventDetailJson): string {
  const job =
    jobs.find((one) => one.state === 'dead') ?? jobs.find((one) => one.last_error) ?? jobs[0]
  if (job) return job.handler
  throw new CommandFailure(
    `Event ${id} is ${state}, and no handler got it. Name one with --handler.`,
  )
}

/** The name of its file. */
function findModule(
  name: string,
  { id }: EventDetailJson,
  handlers: readonly HandlerJson[],
): string {
  const known = handlers.find((handler) => handler.name === name)
  const path = known?.module ?? undefined
  if (path !== undefined && !path.startsWith('built-in:')) return basename(path)
  const isThere = known !== undefined
  const why = isThere
    ? 'has no module of yours, so that there is nothing to test'
    : 'is not among those that run'
  const others = handlers.filter(({ module }) => module && !module.startsWith('built-in:'))
  const names = others.map((handler) => handler.name).join(', ') || 'there is none'
  throw new CommandFailure(
    `The handler ${safeText(name)} ${why}. Name another with --handler: ${safeText(names)}. \`events show ${id}\` shows who got it.`,
  )
}

/** An object for people where that is the same, else the exact text, which \`runHandler\` takes, too. */
function writeLiteral(payload: string): string {
  const parsed = parseObject(payload)
  const isSame = parsed !== undefined && JSON.stringify(parsed) === payload
  // In a module this key would be no field.
  const isPlain = isSame && !payload.includes('__proto__')
  return isPlain ? JSON.stringify(parsed, undefined, 2) : JSON.stringify(payload)
}

function parseObject(payload: string): object | undefined {
  try {
    const value: unknown = JSON.parse(payload)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
