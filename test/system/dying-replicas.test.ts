import { randomInt, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { canStartServers, startOwnServer } from '../store/postgres/own-server.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { createAdminApi } from './admin-api.ts'
import { IS_LONG } from './long-runs.ts'
import { expectOnceEach, watchSuccesses } from './once-each.ts'
import { readLedger } from './read-ledger.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'

const LEDGER = fileURLToPath(new URL('./handlers/ledger.mjs', import.meta.url))
const [EVENTS, ROUNDS] = IS_LONG ? [50_000, 10] : [4_000, 1]
const EVENTS_PER_BATCH = 100
const REPLICAS = 3
const SENDERS = 4
const LEASE_MS = 2_000
/** Past the lease of one that stands still. */
const STILL_MS = 2 * LEASE_MS
/** After this a balancer tries another one. */
const NO_ANSWER_MS = 1_500
const PATIENCE = { timeout: 120_000, interval: 100 }

interface Batch {
  readonly ids: readonly string[]
  /** The one that gets it first; the next one gets the same events in another order. */
  readonly replica: number
}

const shuffle = <Item>(items: readonly Item[]) =>
  items
    .map((item) => ({ item, place: randomInt(2 ** 40) }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item)

/** Three replicas, and how they answer. */
async function startFleet(env: Record<string, string>, folder: string) {
  const startOne = (_: unknown, n: number) =>
    startReceiver({ ...env, DATA_DIR: join(folder, `data-${n}`) }, { leaseMs: LEASE_MS })
  const fleet = await Promise.all(Array.from({ length: REPLICAS }, startOne))
  const statuses = new Set<number>()
  let resent = 0

  const replica = (n: number): ReceiverProcess => fleet[n % REPLICAS] as ReceiverProcess

  /** As a balancer: tries the next one when a connection breaks or nothing comes. */
  async function deliver(ids: readonly string[], first: number): Promise<void> {
    const body = JSON.stringify({ events: ids.map((id) => ({ event: 'open', event_id: id })) })
    for (let n = first; ; n++) {
      const { port } = new URL(replica(n).publicUrl)
      const sending = sendSigned(Number(port), body).catch(() => undefined)
      const answer = await Promise.race([sending, wait(NO_ANSWER_MS)])
      if (answer) return void statuses.add(answer.status)
      resent++
    }
  }

  return {
    replica,
    statuses,
    resent: () => resent,
    async deliverTwice({ ids, replica: n }: Batch): Promise<void> {
      await Promise.all([deliver(ids, n), deliver(shuffle(ids), n + 1)])
    },
    /** Kills one and lets another stand still, at the same time; only the third one works. */
    async disturb(n: number): Promise<void> {
      const [killed, still] = [replica(n), replica(n + 1)]
      still.child.kill('SIGSTOP')
      killed.child.kill('SIGKILL')
      await Promise.all([wait(STILL_MS), killed.ended])
      still.child.kill('SIGCONT')
      fleet[n % REPLICAS] = await startOne(undefined, n % REPLICAS)
    },
  }
}

it.skipIf(!canStartServers())(
  `replicas run ${EVENTS} events once each while ${ROUNDS} are killed and ${ROUNDS} stand still`,
  async () => {
    const server = await startOwnServer()
    onTestFinished(() => server.remove())
    const { url, execute } = await createTestDatabase(server)
    const folder = mkdtempSync(join(tmpdir(), 'receiver-replicas-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const ledger = join(folder, 'ledger.jsonl')
    const env = {
      STORE_URL: url,
      HANDLERS: LEDGER,
      LEDGER_FILE: ledger,
      LEDGER_SYNC: 'off',
      // So that there are always some under way.
      LEDGER_MS: '20',
    }
    const fleet = await startFleet(env, folder)
    await watchSuccesses(execute)
    const acknowledged = new Set<string>()

    /** Sends so many events, and resolves when they are acknowledged. */
    async function send(events: number): Promise<void> {
      let left = events / EVENTS_PER_BATCH
      const sendSome = async () => {
        while (left > 0) {
          const batch = left--
          const ids = Array.from({ length: EVENTS_PER_BATCH }, () => randomUUID())
          await fleet.deliverTwice({ ids, replica: batch })
          for (const id of ids) acknowledged.add(id)
        }
      }
      await Promise.all(Array.from({ length: SENDERS }, sendSome))
    }

    for (let round = 0; round < ROUNDS; round++) {
      const half = EVENTS / ROUNDS / 2
      const handled = readLedger(ledger).length
      await send(half)
      // Jobs are in everybody's hands then, and batches still come.
      await expect.poll(() => readLedger(ledger).length, PATIENCE).toBeGreaterThan(handled)
      await Promise.all([fleet.disturb(round), send(half)])
    }
    const stats = await createAdminApi(fleet.replica(0).adminUrl).whenIdle(PATIENCE)
    const runs = readLedger(ledger)
    console.info(
      `events ${EVENTS} · killed ${ROUNDS} · stood still ${ROUNDS} · sent again ${fleet.resent()} · duplicates ${stats.duplicates} · runs ${runs.length}`,
    )

    expect([...fleet.statuses]).toEqual([200])
    expect(acknowledged.size).toBe(EVENTS)
    expect(stats.duplicates).toBeGreaterThanOrEqual(EVENTS)
    await expectOnceEach(execute, { acknowledged, runs })
  },
  600_000,
)
