import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BROKERS } from '../handlers/built-in/publish/brokers.ts'
import { CLICKHOUSE, startClickHouse } from '../handlers/built-in/table/start-clickhouse.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { canStartServers, startOwnServer } from '../store/postgres/own-server.ts'
import { createAdminApi } from './admin-api.ts'
import { createEventSender } from './event-sender.ts'
import { startReceiver } from './receiver-process.ts'

const BATCHES = 12
const EVENTS_PER_BATCH = 100
const HANDLER = 'target'

/** Where a built-in handler brings events, with the power to end it. */
interface Target {
  /** The entry of `handlers:`, without its name. */
  readonly entry: object
  /** Ids of the events that arrived, as often as they did. */
  read(): Promise<string[]>
  kill(): Promise<unknown>
  restart(): Promise<unknown>
  stop(): Promise<unknown>
}

async function startPostgresTable(): Promise<Target> {
  const server = await startOwnServer()
  const url = await server.createDatabase()
  return {
    entry: { table: { url, name: 'mail_events' } },
    read: async () =>
      (await server.execute<{ id: string }>(url, 'SELECT id FROM mail_events')).map(({ id }) => id),
    kill: server.stopAtOnce,
    restart: server.start,
    stop: server.remove,
  }
}

async function startClickHouseTable(): Promise<Target> {
  const server = await startClickHouse()
  const select = 'SELECT id FROM mail_events FINAL FORMAT JSONEachRow'
  return {
    entry: { table: { url: server.url, name: 'mail_events' } },
    read: async () => (await server.query<{ id: string }>(select)).map(({ id }) => id),
    kill: server.kill,
    restart: server.restart,
    stop: server.stop,
  }
}

function startBroker(title: string): () => Promise<Target> {
  return async () => {
    const start = BROKERS.find((kind) => kind.title === title)?.start
    const server = await (start as NonNullable<typeof start>)()
    const publish = {
      url: server.url,
      ...(title === 'RabbitMQ' ? { exchange: 'mail' } : { subject: 'mail.events' }),
    }
    return {
      entry: { publish },
      read: async () => (await server.read()).map(({ id = '' }) => id.replace(`${HANDLER}:`, '')),
      kill: server.kill,
      restart: server.restart,
      stop: server.stop,
    }
  }
}

/** A UUID of Mailtrap's is the event's key as it is, in another spelling. */
function toUuid(key: string): string {
  const digits = Buffer.from(key, 'base64url').toString('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const hasBroker = (title: string) => BROKERS.some((kind) => kind.title === title && kind.start)

describe.each([
  {
    title: 'a table in PostgreSQL',
    isHere: canStartServers(),
    start: startPostgresTable,
    isOnce: true,
  },
  {
    title: 'a table in ClickHouse',
    isHere: !!CLICKHOUSE,
    start: startClickHouseTable,
    isOnce: true,
  },
  {
    title: 'a stream of NATS',
    isHere: hasBroker('NATS JetStream'),
    start: startBroker('NATS JetStream'),
    isOnce: true,
  },
  {
    title: 'an exchange of RabbitMQ',
    isHere: hasBroker('RabbitMQ'),
    start: startBroker('RabbitMQ'),
    isOnce: false,
  },
])('$title', { concurrent: true }, ({ isHere, start, isOnce }) => {
  it.skipIf(!isHere)('gets every event, also those of the time when it was away', async () => {
    const target = await start()
    onTestFinished(async () => void (await target.stop()))
    const folder = mkdtempSync(join(tmpdir(), 'target-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const entry = { name: HANDLER, retry: Array(50).fill('1s'), timeout: '5s', ...target.entry }
    writeFileSync(join(folder, 'receiver.yaml'), JSON.stringify({ handlers: [entry] }))
    const receiver = await startReceiver({
      DATA_DIR: join(folder, 'data'),
      CONFIG_FILE: join(folder, 'receiver.yaml'),
    })
    const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: EVENTS_PER_BATCH })
    const send = async () => {
      for (let n = 0; n < BATCHES / 3; n++)
        expect(await sender.send()).toMatchObject({ status: 200 })
    }
    await send()
    await target.kill()
    await send()
    await expect.poll(() => receiver.lines.join('\n')).toContain('"attempt failed')
    await target.restart()
    await send()
    const { jobs } = await createAdminApi(receiver.adminUrl).whenIdle()
    expect(jobs[HANDLER]).toMatchObject({ done: BATCHES * EVENTS_PER_BATCH, dead: 0 })
    const arrived = (await target.read()).map(toUuid)
    expect(new Set(arrived)).toEqual(sender.acknowledged)
    if (isOnce) expect(arrived).toHaveLength(sender.acknowledged.size)
  })
})
