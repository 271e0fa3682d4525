import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { signed } from '../receive/start-server.ts'
import { createAdminApi } from './admin-api.ts'
import { createEventSender, type EventSender } from './event-sender.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'

const SENDERS = 4
/** Between two batches of a sender: there is always one on its way, and what is kept is soon found again. */
const PAUSE_MS = 20
const PATIENCE = { interval: 50 }
const [RECORDER, HANGING] = ['recorder', 'hanging'].map((name) =>
  fileURLToPath(new URL(`./handlers/${name}.mjs`, import.meta.url)),
)

/** A receiver with a handler that does its work, and one that never ends. */
function newSettings(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-stop-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { DATA_DIR: folder, HANDLERS: `${RECORDER},${HANGING}`, RUNS_FILE: '/dev/null' }
}

/** Sends until connections break; answers the statuses that came. */
async function sendToTheEnd(sender: EventSender): Promise<number[]> {
  const statuses: number[] = []
  for (;;) {
    const answer = await sender.send()
    if (answer === undefined) return statuses
    statuses.push(answer.status)
    await wait(PAUSE_MS)
  }
}

/** On a connection that would rather be kept. */
async function get(url: string) {
  const answer = await fetch(url)
  await answer.arrayBuffer()
  return { status: answer.status, connection: answer.headers.get('connection') }
}

async function post({ publicUrl }: ReceiverProcess) {
  const body = '{"event":"open","event_id":"during the drain"}'
  const answer = await fetch(`${publicUrl}/webhooks/mailtrap`, {
    method: 'POST',
    body,
    headers: signed(body),
  })
  await answer.arrayBuffer()
  return { status: answer.status, connection: answer.headers.get('connection') }
}

/** Finds every acknowledged event after another start, handled by the handler that works. */
async function expectNothingLost(
  settings: Record<string, string>,
  acknowledged: ReadonlySet<string>,
): Promise<void> {
  const { adminUrl } = await startReceiver(settings)
  await expectNothingLostIn(adminUrl, acknowledged)
}

async function expectNothingLostIn(
  adminUrl: string,
  acknowledged: ReadonlySet<string>,
): Promise<void> {
  const api = createAdminApi(adminUrl)
  await vi.waitFor(async () => {
    const { batches, events, jobs } = await api.stats()
    expect(batches.waiting).toBe(0)
    expect(jobs.recorder).toMatchObject({ done: events.total, pending: 0, dead: 0 })
    expect(jobs.hanging).toMatchObject({ done: 0, pending: events.total, dead: 0 })
  }, PATIENCE)
  const stored = new Set((await api.events()).map((event) => event.event_id))
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([])
}

it.concurrent('stops on SIGTERM under load in less than 9 s, readiness first, and loses nothing', async () => {
  const settings = newSettings()
  const receiver = await startReceiver(settings)
  const readyUrl = `${receiver.publicUrl}/readyz`
  const sender = createEventSender(receiver.publicUrl)
  const load = Promise.all(Array.from({ length: SENDERS }, () => sendToTheEnd(sender)))
  await expect.poll(() => sender.acknowledged.size, PATIENCE).toBeGreaterThan(300)
  expect(await get(readyUrl)).toEqual({ status: 200, connection: 'keep-alive' })

  const askedAt = performance.now()
  receiver.child.kill('SIGTERM')
  await expect.poll(() => get(readyUrl), PATIENCE).toEqual({ status: 503, connection: 'close' })
  // Load balancers need a while to learn it; meanwhile everybody is served.
  expect(await post(receiver)).toEqual({ status: 200, connection: 'close' })
  const { size } = sender.acknowledged
  await expect.poll(() => sender.acknowledged.size, PATIENCE).toBeGreaterThan(size + 100)
  expect(await receiver.ended).toBe(0)
  expect(performance.now() - askedAt).toBeLessThan(loadedMs(9_000))

  expect(new Set((await load).flat())).toEqual(new Set([200]))
  await expectNothingLost(settings, sender.acknowledged)
})

it.concurrent('stops at once on a second signal, and loses nothing', async () => {
  const settings = newSettings()
  const receiver = await startReceiver(settings)
  const sender = createEventSender(receiver.publicUrl)
  const load = Promise.all(Array.from({ length: SENDERS }, () => sendToTheEnd(sender)))
  await expect.poll(() => sender.acknowledged.size, PATIENCE).toBeGreaterThan(300)

  receiver.child.kill('SIGTERM')
  const readyUrl = `${receiver.publicUrl}/readyz`
  await expect.poll(async () => (await get(readyUrl)).status, PATIENCE).toBe(503)
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended).toBe(1)
  // Who takes longer than 4 s, as on a machine that has much else to do, is cut off, and says so.
  expect(receiver.lines.join('\n')).toMatch(/Stopped at once, as asked|had not ended within 4 s/)

  expect(new Set((await load).flat())).toEqual(new Set([200]))
  await expectNothingLost(settings, sender.acknowledged)
})

it.concurrent('stops on SIGTERM while a handler still loads, and never says that it is ready', async () => {
  const settings = newSettings()
  const handler = join(String(settings['DATA_DIR']), 'endless.mjs')
  writeFileSync(
    handler,
    `console.log('loads for ever')\nawait new Promise(() => setInterval(() => {}, 1_000))\n`,
  )
  let askedAt = Number.POSITIVE_INFINITY
  const receiver = startReceiver(
    { ...settings, HANDLERS: handler },
    {
      onLine(line, child) {
        if (!line.includes('loads for ever')) return
        askedAt = performance.now()
        child.kill('SIGTERM')
      },
    },
  )
  await expect(receiver).rejects.toThrow('ended with 0 before it was ready')
  expect(performance.now() - askedAt).toBeLessThan(loadedMs(9_000))
})

it.concurrent('waits at its start for the one before, which drains', async () => {
  const settings = newSettings()
  const first = await startReceiver(settings)
  const sender = createEventSender(first.publicUrl)
  expect((await sender.send())?.status).toBe(200)
  first.child.kill('SIGTERM')
  await expect.poll(async () => (await get(`${first.publicUrl}/readyz`)).status, PATIENCE).toBe(503)
  // It stands still until the second one waits, which may be slow to start.
  first.child.kill('SIGSTOP')
  const waiting = 'waiting for its end, 10 s at the most'
  const onLine = (line: string) => line.includes(waiting) && first.child.kill('SIGCONT')
  const second = await startReceiver(settings, { onLine })
  expect(await first.ended).toBe(0)
  expect(second.lines.join('\n')).toContain(waiting)
  await expectNothingLostIn(second.adminUrl, sender.acknowledged)
})

it.concurrent('refuses to start on a data directory that another receiver works on, and says so', async () => {
  const settings = newSettings()
  const first = await startReceiver(settings)
  const sender = createEventSender(first.publicUrl)
  expect((await sender.send())?.status).toBe(200)

  const second = startReceiver(settings)
  await expect(second).rejects.toThrow('ended with 1')
  await expect(second).rejects.toThrow('Another receiver works on this data directory')
  expect((await sender.send())?.status).toBe(200)
})
