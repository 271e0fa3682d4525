import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sendSigned } from '../receive/send-request.ts'
import { startApp, type TestApp } from './start-app.ts'

type Event = Record<string, unknown>

/** Events of about 3.2 KB, so that 500 of them make a body of 1.6 MB. */
function makeEvents(count: number): Event[] {
  return Array.from({ length: count }, (_, n) => ({
    event: n % 2 ? 'open' : 'delivery',
    event_id: randomUUID(),
    message_id: randomUUID(),
    email: `user${n}@example.com`,
    timestamp: 1_768_651_200 + n,
    custom_variables: { text: 'x'.repeat(3_000), order: n },
  }))
}

const envelope = (events: readonly Event[]) => JSON.stringify({ events })
const audit = (id: number) => ({
  event: 'activity_log.user.login',
  description: 'sample: logged in',
  actor: { id, type: 'user', name: 'Example User' },
  timestamp: 1_768_651_200,
})
/** The same content with its keys the other way round and space between all parts. */
const respaced = (event: Event) =>
  JSON.stringify(Object.fromEntries(Object.entries(event).reverse()), null, 1)

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.stop())

async function countAll() {
  const { events, duplicates, conflicts, quarantined } = await app.api.whenIdle()
  const keys = app.runs().map(([key]) => key)
  return {
    stored: events.total,
    done: events.by_state.done,
    duplicates,
    conflicts,
    quarantined,
    runs: keys.length,
    ranOnce: new Set(keys).size,
  }
}

/** Sends bodies at once; answers what all figures grew by once everything was handled. */
async function send(...bodies: (string | Buffer)[]) {
  const before = await countAll()
  const answers = await Promise.all(bodies.map((body) => sendSigned(app.port, body)))
  expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200))
  const after = Object.entries(await countAll())
  return Object.fromEntries(
    after.map(([name, n]) => [name, n - before[name as keyof typeof before]]),
  )
}

const NOTHING = {
  stored: 0,
  done: 0,
  duplicates: 0,
  conflicts: 0,
  quarantined: 0,
  runs: 0,
  ranOnce: 0,
}
const handled = (n: number) => ({ ...NOTHING, stored: n, done: n, runs: n, ranOnce: n })

it.each([500, 501])('handles every one of %i events in one body of 1.6 MB', async (count) => {
  const body = envelope(makeEvents(count))
  expect(body.length).toBeGreaterThan(1_600_000)
  expect(await send(body)).toEqual(handled(count))
})

it('loses one broken line of 500 to quarantine, which gives its exact bytes back', async () => {
  const lines = makeEvents(500).map((event) => JSON.stringify(event))
  const broken = Buffer.from('{"event":"open","note":"caf\u00e9 \0"cut":')
  broken[20] = 0xff
  const [before, after] = [lines.slice(0, 249).join('\r\n'), lines.slice(250).join('\r\n')]
  const body = Buffer.concat([Buffer.from(`${before}\r\n`), broken, Buffer.from(`\r\n${after}`)])

  expect(await send(body)).toEqual({ ...handled(499), quarantined: 1 })
  const quarantine = await app.api.quarantine()
  expect(quarantine).toMatchObject([
    { position: 249, pieces: 1, byte_offset: before.length + 2, bytes: broken.length },
  ])
  expect(await app.api.quarantineBody(quarantine[0]?.id ?? '')).toEqual(broken)
})

it('runs no handler again for a batch that comes again, reordered, re-spaced or at once', async () => {
  const events = makeEvents(500)
  const reordered = events.toReversed()
  expect(await send(envelope(events), envelope(events), envelope(reordered))).toEqual({
    ...handled(500),
    duplicates: 1_000,
  })
  const respelled = `[${reordered.map(respaced).join(',\n ')}]`
  const lines = events.map((event) => JSON.stringify(event)).join('\n')
  expect(await send(envelope(events), respelled, lines)).toEqual({ ...NOTHING, duplicates: 1_500 })
})

it('keeps audit events without ids once per occurrence, however often they come', async () => {
  const events = [audit(1), audit(2), audit(1), audit(1)]
  expect(await send(envelope(events))).toEqual(handled(4))
  const again = await send(
    envelope(events),
    envelope(events.toReversed()),
    `[${[audit(1), audit(1), audit(1), audit(2)].map(respaced)}]`,
    [audit(2), audit(1), audit(1), audit(1)].map((event) => JSON.stringify(event)).join('\n'),
  )
  expect(again).toEqual({ ...NOTHING, duplicates: 16 })
})

it('remembers all that over a restart', async () => {
  const body = envelope([...makeEvents(20), audit(3), audit(3)])
  expect(await send(body)).toEqual(handled(22))
  app = await app.restart()
  expect(await send(body)).toEqual({ ...NOTHING, duplicates: 22 })
})
