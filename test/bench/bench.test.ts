import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { verifyWebhookSignature } from 'mailtrap'
import { afterEach, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { checkJournal, measureAcks } from './ack-round.ts'
import { readOptions } from './bench-options.ts'
import { summarise } from './load/percentiles.ts'
import { EVENTS_PER_BATCH, renderBatch, SIGNING_SECRET, sign } from './load/sample-batches.ts'
import { startLoadClient } from './load/start-load-client.ts'
import { measureOutcomes } from './outcome-round.ts'
import { judgeShared } from './report/shared-table.ts'
import { spreadOf } from './report/spread.ts'
import type { BenchRound } from './run-bench.ts'
import { startJobReceiver } from './servers/jobs/start-job-receiver.ts'
import { startProviderSample } from './servers/start-provider-sample.ts'
import { startReceiver } from './servers/start-receiver.ts'
import type { SharedFigures } from './shared-round.ts'

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

async function receive(storeUrl?: string) {
  const receiver = await startReceiver({ entry: BUILT, folder: makeFolder(), storeUrl })
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

  it('measure the receiver until every event is done, and find a batch that is missing', async () => {
    const [client, receiver] = [await startLoad(20), await receive()]
    const events = 20 * EVENTS_PER_BATCH
    const figures = await measureOutcomes(client, receiver, events)
    expect(figures.acks.acked).toBe(20)
    expect(figures.eventsPerSecond * figures.seconds).toBeCloseTo(events)
    await checkJournal(receiver, 20)
    await expect(checkJournal(receiver, 21)).rejects.toThrow('21 batches were acknowledged, 20')
  })

  it('refuse to call it measured when events came twice', async () => {
    const [client, receiver] = [await startLoad(1), await receive()]
    await measureOutcomes(client, receiver, EVENTS_PER_BATCH)
    await expect(measureOutcomes(client, receiver, EVENTS_PER_BATCH)).rejects.toThrow(
      '"duplicates"',
    )
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
    const [client, receiver] = [await startLoad(4), await receive(await openDatabase())]
    const figures = await measureOutcomes(client, receiver, 4 * EVENTS_PER_BATCH)
    expect(figures.acks.acked).toBe(4)
    await checkJournal(receiver, 4)
    await receiver.stop()
  })

  it('measure the same on pg-boss, where a batch that comes twice adds nothing', async () => {
    const client = await startLoad(4)
    const place = { jobsUrl: await openDatabase(), folder: makeFolder() }
    const receiver = await startJobReceiver('pg-boss', place)
    closers.push(() => receiver.stop())
    const events = 4 * EVENTS_PER_BATCH
    const figures = await measureOutcomes(client, receiver, events)
    expect(figures.acks.acked).toBe(4)
    await client.send({ port: receiver.port, batches: 4, warmUpMs: 0 })
    expect(await receiver.countKept()).toBe(events)
    await expect(receiver.checkOutcomes(events + 1)).rejects.toThrow('pg-boss: of 2001 events')
    await receiver.stop()
  })
})

describe('the benchmark’s figures', () => {
  it('compare PostgreSQL with the better library of each round', () => {
    const at = (eventsPerSecond: number) => ({ outcomes: { eventsPerSecond } }) as SharedFigures
    const round = (ours: number, pgBoss: number, bullmq?: number) =>
      ({
        shared: {
          receiver: at(ours),
          pgBoss: at(pgBoss),
          bullmq: bullmq === undefined ? undefined : at(bullmq),
        },
      }) as BenchRound
    const rounds = [round(12_000, 2_000, 4_000), round(8_000, 4_000), round(11_000, 2_000, 1_000)]
    expect(judgeShared({ rounds }).map(({ figure, isReached }) => [figure, isReached])).toEqual([
      ['11,000', true],
      ['3.00', true],
    ])
    expect(judgeShared({ rounds: [round(9_999, 5_000)] }).map((one) => one.isReached)).toEqual([
      false,
      false,
    ])
  })

  it('are nearest-rank percentiles', () => {
    const samples = Array.from({ length: 1_000 }, (_, index) => 1_000 - index)
    expect(summarise(samples)).toEqual({ p50: 500, p99: 990, p999: 999, max: 1_000 })
  })

  it('are told by median, lowest and highest of the rounds', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 })
    expect(spreadOf([4, 1])).toEqual({ median: 2.5, lowest: 1, highest: 4 })
  })

  it('are of whole batches', () => {
    expect(readOptions(['--events', '501'])).toMatchObject({ events: 1_000 })
    expect(readOptions(['--shared-events', '0'])).toMatchObject({ sharedEvents: 0 })
    expect(() => readOptions(['--rounds', '0'])).toThrow('--rounds is 0')
  })
})
