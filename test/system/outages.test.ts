import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { canStartServers, type OwnServer, startOwnServer } from '../store/postgres/own-server.ts'
import {
  amongTables,
  createTestDatabase,
  type TestDatabase,
} from '../store/postgres/test-database.ts'
import { createAdminApi } from './admin-api.ts'
import { lockJobs, OUTAGES, type Outage, type Place } from './database-outages.ts'
import { startDatabaseProxy } from './database-proxy.ts'
import { createEventSender, type EventSender, expectAllHandled } from './event-sender.ts'
import { preloadDisk } from './failing-disk.ts'
import { IS_LONG } from './long-runs.ts'
import { expectOnceEach, watchSuccesses } from './once-each.ts'
import { readLedger } from './read-ledger.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'

const LEDGER = fileURLToPath(new URL('./handlers/ledger.mjs', import.meta.url))
const ROLE = 'receiver'
/** Longer than several leases; or just long enough for many to come while it lasts. */
const OUTAGE_MS = IS_LONG ? 20_000 : 500
const LEASE_MS = 2_000
const FIRST_ACK_MS = 4_000
/** Half a second, or less than any limit of ours. */
const LATER_ACK_MS = IS_LONG ? 500 : 1_500
const SENDERS = 3
const EVENTS_PER_BATCH = 3
const PAUSE_MS = 25
/** Longer, because some drain only when a limit of 10 s has ended what hangs. */
const DRAINING_PAUSE_MS = IS_LONG ? PAUSE_MS : 100
const SOON = { timeout: 180_000, interval: 50 }

/** A batch, and how it was answered; times in milliseconds of `performance.now`. */
interface Sent {
  readonly batch: string
  readonly status: number | undefined
  readonly sentAt: number
  readonly answeredAt: number
}

async function sendTimed(sender: EventSender): Promise<Sent> {
  const sentAt = performance.now()
  const answer = await sender.send()
  const answeredAt = performance.now()
  const { batch = '' } = JSON.parse(answer?.text ?? '{}') as { batch?: string }
  return { batch, status: answer?.status, sentAt, answeredAt }
}

/** Several at a time, as long as `isWanted`. */
async function sendWhile(
  sender: EventSender,
  isWanted: () => boolean,
  pauseMs = PAUSE_MS,
): Promise<Sent[]> {
  const sent: Sent[] = []
  const sendOn = async () => {
    for (; isWanted(); await wait(pauseMs)) sent.push(await sendTimed(sender))
  }
  await Promise.all(Array.from({ length: SENDERS }, sendOn))
  return sent
}

/** How long so many of 100 acknowledgements took at most. */
function ackMs(sent: readonly Sent[], percent = 100): number {
  const sorted = sent.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((a, b) => a - b)
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN
}

function expectAcknowledged(sent: readonly Sent[], withinMs: number): void {
  expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([200]))
  expect(ackMs(sent)).toBeLessThan(loadedMs(withinMs))
}

/** In the store, none comes before one that was answered before it was sent. */
async function expectInOrder({ execute }: Database, sent: readonly Sent[]): Promise<void> {
  const rows = await execute<{ id: string }>('SELECT id FROM batches ORDER BY seq')
  const known = new Map(sent.map((one) => [one.batch, one]))
  let newest = Number.NEGATIVE_INFINITY
  for (const { sentAt, answeredAt } of rows.flatMap(({ id }) => known.get(id) ?? [])) {
    expect(answeredAt).toBeGreaterThan(newest)
    newest = Math.max(newest, sentAt)
  }
}

type Database = Pick<TestDatabase, 'url' | 'execute'>

interface Scene extends Place {
  readonly database: Database
  /** Environment of a receiver on this database. */
  readonly env: Record<string, string>
  readonly ledger: string
}

async function enter(server: OwnServer, database: Database): Promise<Scene> {
  const proxy = await startDatabaseProxy(database.url)
  const folder = mkdtempSync(join(tmpdir(), 'receiver-outage-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const ledger = join(folder, 'ledger.jsonl')
  const env = {
    STORE_URL: proxy.url.replace('postgres@', `${ROLE}@`),
    DATA_DIR: join(folder, 'data'),
    HANDLERS: LEDGER,
    LEDGER_FILE: ledger,
    LEDGER_SYNC: 'off',
  }
  return { server, database, proxy, url: database.url, role: ROLE, env, ledger }
}

/** On a database of its own, which is the role's. */
async function enterNew(server: OwnServer): Promise<Scene> {
  const database = await createTestDatabase(server)
  const [{ name } = { name: '' }] = await database.execute<{ name: string }>(
    'SELECT current_database() AS name',
  )
  await database.execute(`ALTER DATABASE ${name} OWNER TO ${ROLE}`)
  return enter(server, database)
}

async function readReadiness({ publicUrl }: ReceiverProcess) {
  const answer = await fetch(`${publicUrl}/readyz`)
  return (await answer.json()) as { ready: boolean; checks: { store: string } }
}

async function expectNothingLost(
  { database, ledger }: Scene,
  { adminUrl }: ReceiverProcess,
  { acknowledged }: EventSender,
  mostRepeats = 0,
): Promise<void> {
  await createAdminApi(adminUrl).whenIdle(SOON)
  const runs = readLedger(ledger)
  await expectOnceEach(database.execute, { acknowledged, runs })
  // Nobody of us died: no handler has to see an event a second time.
  expect(runs.length - acknowledged.size).toBeLessThanOrEqual(mostRepeats)
}

/** Sends until the spool is empty, and answers what was sent meanwhile. */
async function sendUntilDrained(receiver: ReceiverProcess, sender: EventSender): Promise<Sent[]> {
  let isDrained = false
  const sending = sendWhile(sender, () => !isDrained, DRAINING_PAUSE_MS)
  const readStore = async () => (await readReadiness(receiver)).checks.store
  await expect
    .poll(readStore, SOON)
    .toBe('ok')
    .finally(() => {
      isDrained = true
    })
  return sending
}

function report(title: string, parts: Record<string, readonly Sent[]>): void {
  const figures = Object.entries(parts).map(
    ([name, sent]) =>
      `${name} ${sent.length}: p99 ${ackMs(sent, 99).toFixed()} ms, max ${ackMs(sent).toFixed()} ms`,
  )
  console.info(`PostgreSQL ${title}: ${figures.join(' · ')}`)
}

/** A receiver that begins before the outage, goes through it, and is looked at afterwards. */
async function goThrough(scene: Scene, { title, begin, losesNewest }: Outage): Promise<void> {
  const receiver = await startReceiver(scene.env, { leaseMs: LEASE_MS })
  await watchSuccesses(scene.database.execute)
  const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: EVENTS_PER_BATCH })
  const before = await Promise.all([1, 2].map(() => sender.send()))

  const end = await begin(scene)
  const first = await Promise.all([1, 2, 3].map(() => sendTimed(sender)))
  const endsAt = performance.now() + OUTAGE_MS
  const later = await sendWhile(sender, () => performance.now() < endsAt)
  const during = await readReadiness(receiver)
  await end()
  const after = await sendUntilDrained(receiver, sender)
  report(title, { first, later, after })

  expectAcknowledged(first, FIRST_ACK_MS)
  expectAcknowledged(later, LATER_ACK_MS)
  expectAcknowledged(after, LATER_ACK_MS)
  expect(during).toMatchObject({
    ready: true,
    checks: { store: expect.stringMatching(/^degraded: .* in the spool\b/) },
  })
  await expectInOrder(scene.database, [...first, ...later])
  const mostRepeats = losesNewest ? before.length * EVENTS_PER_BATCH : 0
  await expectNothingLost(scene, receiver, sender, mostRepeats)
}

describe.skipIf(!canStartServers())('a receiver with a PostgreSQL', { timeout: 400_000 }, () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startOwnServer()
    await server.execute(server.urlOf('postgres'), `CREATE ROLE ${ROLE} LOGIN`)
  })
  afterAll(() => server.remove())

  const outages = OUTAGES.filter(({ isLike }) => IS_LONG || !isLike)
  const ofServer = outages.filter(({ isOfServer }) => isOfServer)
  const others = outages.filter(({ isOfServer }) => !isOfServer)
  const title = '$title acknowledges everything, and loses nothing'
  const goThroughIt = async (outage: Outage) => goThrough(await enterNew(server), outage)
  it.each(ofServer)(title, goThroughIt)

  it.runIf(IS_LONG)(
    'that is replaced by its standby acknowledges everything, and loses nothing',
    async () => {
      const primary = await startOwnServer()
      onTestFinished(() => primary.remove())
      await primary.execute(primary.urlOf('postgres'), `CREATE ROLE ${ROLE} LOGIN`)
      await primary.execute(primary.urlOf('postgres'), `CREATE DATABASE app OWNER ${ROLE}`)
      const standby = await primary.addStandby()
      onTestFinished(() => standby.remove())
      let current = primary
      const scene = await enter(primary, {
        url: primary.urlOf('app'),
        execute: (sql, values) => current.execute(amongTables(current.urlOf('app')), sql, values),
      })
      await goThrough(scene, {
        title: 'that is replaced by its standby',
        losesNewest: true,
        async begin({ proxy }) {
          await primary.stopAtOnce()
          current = standby
          proxy.leadTo(standby.urlOf('app'))
          return () => standby.execute(standby.urlOf('postgres'), 'SELECT pg_promote()')
        },
      })
    },
  )

  it('that is down at the start acknowledges, and hands on when it is up', async () => {
    const scene = await enterNew(server)
    await server.stopAtOnce()
    const receiver = await startReceiver(scene.env, { leaseMs: LEASE_MS })
    const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: EVENTS_PER_BATCH })
    const first = await Promise.all([1, 2, 3].map(() => sendTimed(sender)))
    const later = await Promise.all([1, 2, 3].map(() => sendTimed(sender)))
    await server.start()
    const after = await sendUntilDrained(receiver, sender)

    expectAcknowledged(first, FIRST_ACK_MS)
    expectAcknowledged([...later, ...after], LATER_ACK_MS)
    await createAdminApi(receiver.adminUrl).whenIdle(SOON)
    await expectAllHandled(createAdminApi(receiver.adminUrl), sender.acknowledged)
  })

  // From here on the server is left alone: they go on beside each other.

  it.concurrent.each(others)(title, goThroughIt)

  it.concurrent('whose jobs are locked acknowledges everything at once, without the spool', async () => {
    const scene = await enterNew(server)
    const receiver = await startReceiver(scene.env, { leaseMs: LEASE_MS })
    await watchSuccesses(scene.database.execute)
    const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: EVENTS_PER_BATCH })
    const unlock = await lockJobs(scene)
    const endsAt = performance.now() + 2 * OUTAGE_MS
    const sent = await sendWhile(sender, () => performance.now() < endsAt)
    const { checks } = await readReadiness(receiver)
    await unlock()
    report('whose jobs are locked', { sent })

    expectAcknowledged(sent, LATER_ACK_MS)
    expect(checks.store).toBe('ok')
    await expectNothingLost(scene, receiver, sender)
  })

  it.concurrent('that is away while its own disk is full refuses, and goes on by itself', async (context) => {
    const disk = preloadDisk(context)
    const scene = await enterNew(server)
    const env = { ...scene.env, DATA_DIR: disk.folder, ...disk.env }
    const receiver = await startReceiver(env, { leaseMs: LEASE_MS })
    await watchSuccesses(scene.database.execute)
    const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: EVENTS_PER_BATCH })
    scene.proxy.disturb('cut')
    expect((await sender.send())?.status).toBe(200)

    disk.fill()
    const refused = await sender.send()
    expect(refused).toMatchObject({ status: 503, text: '{"error":"unavailable"}' })
    expect(refused?.headers['retry-after']).toMatch(/^\d+$/)
    expect(await readReadiness(receiver)).toMatchObject({ ready: false })
    disk.makeRoom()
    await expect.poll(async () => (await sender.send())?.status, SOON).toBe(200)
    scene.proxy.mend()
    await sendUntilDrained(receiver, sender)
    await expectNothingLost(scene, receiver, sender)
  })
})
