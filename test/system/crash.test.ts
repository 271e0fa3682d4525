import { createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { IS_LONG } from './long-runs.ts'
import { readLedger } from './read-ledger.ts'
import { SECRET, startReceiver } from './receiver-process.ts'

/** `LONG_RUNS=1`: as many as it takes to hit what is rare. */
const KILLS = IS_LONG ? 20 : 4
const EVENTS_PER_BATCH = 40
const SENDERS = 3
/** Attempts that are under way at once: handed to the handler, their outcome not yet recorded. */
const UNDER_WAY = 500
const HANDLER = fileURLToPath(new URL('./handlers/ledger.mjs', import.meta.url))

interface Stats {
  readonly events: { readonly total: number; readonly by_state: Readonly<Record<string, number>> }
  readonly quarantined: number
  readonly duplicates: number
}

/** Sends one batch; answers the status, or undefined when the connection broke. */
function post(url: string, body: Buffer): Promise<number | undefined> {
  const signature = createHmac('sha256', SECRET).update(body).digest('hex')
  return new Promise((resolve) => {
    const sent = request(
      `${url}/webhooks/mailtrap`,
      {
        method: 'POST',
        headers: { 'mailtrap-signature': signature, 'content-length': body.length },
      },
      (answer) => {
        answer.resume()
        answer.once('end', () => resolve(answer.statusCode))
        answer.once('error', () => resolve(undefined))
      },
    )
    sent.once('error', () => resolve(undefined))
    sent.end(body)
  })
}

function makeBatch(): { ids: string[]; body: Buffer } {
  const ids = Array.from({ length: EVENTS_PER_BATCH }, () => randomUUID())
  const events = ids.map((id) => ({ event: 'open', event_id: id, timestamp: 1_768_651_200 }))
  return { ids, body: Buffer.from(JSON.stringify({ events })) }
}

/** The key under which the ledger knows an event. */
function ledgerKey(eventId: string): string {
  // A UUID is its own key.
  return `ledger:${Buffer.from(eventId.replaceAll('-', ''), 'hex').toString('base64url')}`
}

it(`loses nothing that was acknowledged over ${KILLS} kills at random moments under load`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'receiver-crash-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const ledger = join(directory, 'ledger.jsonl')
  const env = {
    DATA_DIR: join(directory, 'data'),
    HANDLERS: HANDLER,
    LEDGER_FILE: ledger,
    LOG_LEVEL: 'warn',
  }
  const acknowledged = new Set<string>()
  const refused: number[] = []

  async function sendUntil(stopped: AbortSignal, url: string): Promise<void> {
    while (!stopped.aborted) {
      const { ids, body } = makeBatch()
      const status = await post(url, body)
      if (status === 200) for (const id of ids) acknowledged.add(id)
      else if (status === undefined) return
      else refused.push(status)
    }
  }

  for (let kill = 0; kill < KILLS; kill++) {
    const receiver = await startReceiver({ ...env, LOG_LEVEL: 'info' })
    const stopped = new AbortController()
    const senders = Array.from({ length: SENDERS }, () =>
      sendUntil(stopped.signal, receiver.publicUrl),
    )
    // On a busy machine the first answer may take longer than that: every other life gets so far.
    const { size } = acknowledged
    if (kill % 2 === 1) await expect.poll(() => acknowledged.size).toBeGreaterThan(size)
    await wait(20 + Math.random() * 400)
    receiver.child.kill('SIGKILL')
    expect(await receiver.ended).toBe('SIGKILL')
    stopped.abort()
    await Promise.all(senders)
  }

  const receiver = await startReceiver({ ...env, LOG_LEVEL: 'info' })
  const stats = async () => (await (await fetch(`${receiver.adminUrl}/api/stats`)).json()) as Stats
  await expect.poll(stats, { timeout: 120_000, interval: 200 }).toMatchObject({ backlog: 0 })
  const { events, quarantined, duplicates } = await stats()

  const entries = readLedger(ledger)
  const handled = new Map<string, number[]>()
  for (const [key, attempt] of entries) handled.set(key, [...(handled.get(key) ?? []), attempt])
  const lost = [...acknowledged].filter((id) => !handled.has(ledgerKey(id)))
  const repeats = entries.length - handled.size
  console.info(
    `kills ${KILLS} · acknowledged ${acknowledged.size} · stored ${events.total} · runs ${entries.length} · repeats ${repeats} · lost ${lost.length}`,
  )

  expect(acknowledged.size).toBeGreaterThanOrEqual((KILLS / 2) * EVENTS_PER_BATCH)
  expect(refused).toEqual([])
  expect(lost).toEqual([])
  expect(events.by_state).toMatchObject({ done: events.total, pending: 0, dead: 0 })
  expect({ quarantined, duplicates }).toEqual({ quarantined: 0, duplicates: 0 })
  expect(handled.size).toBe(events.total)
  // Only what was under way at a kill may run again, and then as the next attempt.
  expect(repeats).toBeLessThanOrEqual(KILLS * UNDER_WAY)
  for (const attempts of handled.values()) {
    expect(attempts).toEqual([...new Set(attempts)].sort((a, b) => a - b))
  }
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended).toBe(0)
}, 300_000)
