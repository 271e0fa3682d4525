import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { verifyWebhookSignature } from 'mailtrap'
import { afterEach, describe, expect, it } from 'vitest'
import { PATIENCE_MS } from '../patience-ms.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { EVENTS_PER_BATCH, renderBatch, SIGNING_SECRET, sign } from './load/sample-batches.ts'
import { startLoadClient } from './load/start-load-client.ts'
import { readTreeUse } from './machine/tree-use.ts'
import { checkJournal, measureAcks } from './rounds/measure-acks.ts'
import { measureOutcomes } from './rounds/measure-outcomes.ts'
import type { JobLibrary } from './servers/jobs/job-libraries.ts'
import { startJobReceiver } from './servers/jobs/start-job-receiver.ts'
import { seedStore } from './servers/seed-store.ts'
import { startProviderSample } from './servers/start-provider-sample.ts'
import { type ReceiverPlace, startReceiver } from './servers/start-receiver.ts'

const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const closers: (() => unknown)[] = []

afterEach(async () => {
  for (let close = closers.pop(); close; close = closers.pop()) await close()
})

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  closers.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function startLoad(batches: number) {
  const client = await startLoadClient(batches)
  closers.push(() => client.stop())
  return client
}

async function receive(place: Partial<ReceiverPlace> = {}) {
  const receiver = await startReceiver({ entry: BUILT, folder: makeFolder(), ...place })
  closers.push(() => receiver.stop())
  return receiver
}

describe('the benchmark’s batches', () => {
  it('hold the nine kinds of events, each event once, under a signature that the SDK accepts', () => {
    const bodies = [renderBatch(0), renderBatch(1)]
    const events = bodies.flatMap((body) => JSON.parse(body.toString()).events)
    expect(events).toHaveLength(2 * EVENTS_PER_BATCH)
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length)
    expect(new Set(events.map(({ event }) => event)).size).toBe(9)
    for (const body of bodies) {
      expect(verifyWebhookSignature(body, sign(body), SIGNING_SECRET)).toBe(true)
    }
  })

  it('come as JSON Lines, and with few events', () => {
    const lines = renderBatch(0, 'lines').toString().trimEnd().split('\n')
    expect(new Set(lines.map((line) => JSON.parse(line).event_id)).size).toBe(EVENTS_PER_BATCH)
    expect(JSON.parse(renderBatch(0, 'tens').toString()).events).toHaveLength(10)
    expect(JSON.parse(renderBatch(0, 'singles').toString()).events).toHaveLength(1)
  })
})

describe('the benchmark’s rounds', () => {
  it('measure the provider’s sample', async () => {
    const [client, server] = [await startLoad(40), await startProviderSample(makeFolder())]
    closers.push(() => server.stop())
    const figures = await measureAcks(client, server, { batches: 40, warmUpMs: 0 })
    expect(figures.acked).toBe(40)
    expect(figures.ackMs.p50).toBeGreaterThan(0)
    expect(figures.ackMs.max).toBeGreaterThanOrEqual(figures.ackMs.p99)
    expect(figures.ackedPerSecond).toBeGreaterThan(0)
  })

  it('measure acks at a pace, until they are ended', async () => {
    const [client, server] = [await startLoad(40), await startProviderSample(makeFolder())]
    closers.push(() => server.stop())
    const load = { batches: 40, warmUpMs: 0, perSecond: 40 }
    const [figures, ended] = [
      await measureAcks(client, server, { ...load, from: 20, batches: 20 }),
      client.send({ ...load, port: server.port }),
    ]
    client.end()
    expect(figures.acked).toBe(20)
    expect(figures.ackedPerSecond).toBeLessThan(45)
    expect((await ended).acked).toBeLessThan(40)
  })

  it('measure the receiver until every event is done, and find a batch that is missing', async () => {
    const [client, receiver] = [await startLoad(8), await receive({ handlers: 3 })]
    const events = 8 * EVENTS_PER_BATCH
    const written = readTreeUse(receiver.pid)?.writtenBytes ?? 0
    const figures = await measureOutcomes(client, receiver, { batches: 8 })
    const stored = (readTreeUse(receiver.pid)?.writtenBytes ?? 0) - written
    expect(figures.acks.acked).toBe(8)
    expect(figures.eventsPerSecond * figures.seconds).toBeCloseTo(events)
    expect((await receiver.stats()).jobs).toMatchObject({ noop: { done: events } })
    expect((await receiver.stats()).jobs).toMatchObject({ 'noop-3': { done: events } })
    await checkJournal(receiver, 8)
    await expect(checkJournal(receiver, 9)).rejects.toThrow('9 batches were acknowledged, 8')

    // What the receiver and its handlers use.
    if (!existsSync('/proc/self/io')) return
    const bodyBytes = renderBatch(0).length / EVENTS_PER_BATCH
    expect(figures.writtenBytesPerEvent).toBeGreaterThan(bodyBytes)
    expect(figures.writtenBytesPerEvent).toBeLessThanOrEqual(stored / figures.events)
    expect(figures.serverUsPerEvent).toBeGreaterThan(0)
    expect(figures.childRssBytes).toBeGreaterThan(0)
  })

  it('pause a receiver’s handlers, and refuse to call it measured when events come again', async () => {
    const [client, receiver] = [await startLoad(1), await receive()]
    await receiver.setPaused(true)
    await client.send({ port: receiver.port, batches: 1, warmUpMs: 0 })
    const unpacked = { batches: { waiting: 0 }, events: { total: EVENTS_PER_BATCH } }
    await expect.poll(() => receiver.stats(), { timeout: PATIENCE_MS }).toMatchObject(unpacked)
    expect(await receiver.countDone(EVENTS_PER_BATCH)).toBe(0)
    await receiver.setPaused(false)
    await expect
      .poll(() => receiver.countDone(EVENTS_PER_BATCH), { timeout: PATIENCE_MS })
      .toBe(EVENTS_PER_BATCH)
    const again = measureOutcomes(client, receiver, { batches: 1 })
    await expect(again).rejects.toThrow('"duplicates"')
  })

  it('go on with a store that was filled before, of which the receiver sees every event', async () => {
    const folder = makeFolder()
    await seedStore(`${folder}/data/receiver.db`, 2_000, () => {})
    const [client, receiver] = [await startLoad(2), await receive({ folder })]
    expect(await receiver.stats()).toMatchObject({
      events: { total: 2_000, by_state: { done: 2_000, pending: 0, dead: 0 } },
      batches: { waiting: 0 },
    })
    await measureOutcomes(client, receiver, { batches: 2 })
    expect((await receiver.stats()).events.total).toBe(2_000 + 2 * EVENTS_PER_BATCH)
  })

  it('end at the first answer that is not 200', async () => {
    const server = createServer((_request, response) => void response.writeHead(503).end('busy'))
    closers.push(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const client = await startLoad(1)
    const load = client.send({ port, batches: 1, warmUpMs: 0 })
    await expect(load).rejects.toThrow('503 instead of 200')
  })
})

const postgres = await findTestServer()

describe.skipIf(!postgres)('the benchmark’s rounds on PostgreSQL', () => {
  async function openDatabase() {
    if (!postgres) throw new Error('There is no PostgreSQL.')
    return (await createTestDatabase(postgres)).url
  }

  it('measure the receiver', async () => {
    const storeUrl = await openDatabase()
    const [client, receiver] = [await startLoad(4), await receive({ storeUrl })]
    const figures = await measureOutcomes(client, receiver, { batches: 4 })
    expect(figures.acks.acked).toBe(4)
    await checkJournal(receiver, 4)
    await receiver.stop()
  })

  async function measureLibrary(library: JobLibrary) {
    const client = await startLoad(4)
    const place = { jobsUrl: await openDatabase(), folder: makeFolder() }
    const receiver = await startJobReceiver(library, place)
    closers.push(() => receiver.stop())
    const figures = await measureOutcomes(client, receiver, { batches: 4 })
    expect(figures.acks.acked).toBe(4)
    await expect(receiver.checkOutcomes(2_001)).rejects.toThrow(`${library}: of 2001 events`)
    return { client, receiver }
  }

  it('measure the same on pg-boss, where a batch that comes twice adds nothing', async () => {
    const { client, receiver } = await measureLibrary('pg-boss')
    await client.send({ port: receiver.port, batches: 4, warmUpMs: 0 })
    expect(await receiver.countKept()).toBe(4 * EVENTS_PER_BATCH)
    await receiver.stop()
  })

  it('measure the same on Graphile Worker', async () => {
    const { receiver } = await measureLibrary('graphile-worker')
    await receiver.stop()
  })
})
