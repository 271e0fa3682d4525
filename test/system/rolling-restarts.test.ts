import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { createAdminApi } from './admin-api.ts'
import { createEventSender } from './event-sender.ts'
import { IS_LONG } from './long-runs.ts'
import { expectOnceEach, watchSuccesses } from './once-each.ts'
import { readLedger } from './read-ledger.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'
import { startReverseProxy } from './reverse-proxy.ts'

const LEDGER = fileURLToPath(new URL('./handlers/ledger.mjs', import.meta.url))
const RESTARTS = IS_LONG ? 100 : 2
const SENDERS = 4
/** Between two batches of a sender: what matters are the restarts, not how much can be handled. */
const PAUSE_MS = 100
const STOP_MS = 9_000

const server = await findTestServer()

it.skipIf(!server)(
  `is restarted ${RESTARTS} times under load, and no sender notices`,
  { timeout: 180_000 + RESTARTS * 20_000 },
  async () => {
    const { url, execute } = await createTestDatabase(server!)
    const folder = mkdtempSync(join(tmpdir(), 'receiver-rolling-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const ledger = join(folder, 'ledger.jsonl')
    const proxy = await startReverseProxy()
    let started = 0

    /** As a roll-out does: another one, with a folder of its own. */
    async function startAnother(): Promise<ReceiverProcess> {
      const receiver = await startReceiver({
        STORE_URL: url,
        DATA_DIR: join(folder, `data-${started++}`),
        HANDLERS: LEDGER,
        LEDGER_FILE: ledger,
        LEDGER_SYNC: 'off',
      })
      await proxy.add(receiver.publicUrl)
      return receiver
    }

    const fleet = [await startAnother(), await startAnother()]
    await watchSuccesses(execute)
    const sender = createEventSender(proxy.url, { eventsPerBatch: 2, keepsConnections: true })
    const statuses = new Map<number | undefined, number>()
    let isOver = false
    const sendOn = async () => {
      while (!isOver) {
        const status = (await sender.send())?.status
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        await wait(PAUSE_MS)
      }
    }
    const load = Promise.all(Array.from({ length: SENDERS }, sendOn))

    let slowestStopMs = 0
    for (let restart = 0; restart < RESTARTS; restart++) {
      const [oldest] = fleet.splice(0, 1)
      const askedAt = performance.now()
      oldest?.child.kill('SIGTERM')
      const ended = oldest?.ended.then((how) => {
        slowestStopMs = Math.max(slowestStopMs, performance.now() - askedAt)
        return how
      })
      fleet.push(await startAnother())
      expect(await ended).toBe(0)
    }
    isOver = true
    await load
    console.info(
      `restarts ${RESTARTS} · answers ${JSON.stringify([...statuses])} · slowest stop ${Math.round(slowestStopMs)} ms`,
    )

    expect(proxy.failures).toEqual([])
    expect([...statuses.keys()]).toEqual([200])
    expect(slowestStopMs).toBeLessThan(loadedMs(STOP_MS))
    await createAdminApi(fleet[0]?.adminUrl ?? '').whenIdle({ timeout: 300_000 })
    const runs = readLedger(ledger)
    await expectOnceEach(execute, { acknowledged: sender.acknowledged, runs })
    // Nobody was killed in the middle of his work, so nothing was done twice.
    expect(runs).toHaveLength(sender.acknowledged.size)
  },
)
