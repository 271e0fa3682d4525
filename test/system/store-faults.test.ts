import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, type TestContext } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { createAdminApi } from './admin-api.ts'
import { createEventSender, type EventSender, expectAllHandled } from './event-sender.ts'
import { type FailingDisk, mountSmallDisk, preloadDisk } from './failing-disk.ts'
import { type ReceiverProcess, startReceiver } from './receiver-process.ts'

const HANDLER = fileURLToPath(new URL('./handlers/recorder.mjs', import.meta.url))
/** Batches of half a megabyte: a small disk is soon full, and the log soon due for a checkpoint. */
const LARGE = { note: 'x'.repeat(50_000) }
const SOON = { interval: 50 }

/** Not everybody may mount; the library of the next one fails in the same way. */
function mount(context: TestContext): FailingDisk {
  return mountSmallDisk(24) ?? context.skip('NOT TESTED HERE: only root may mount a small disk')
}

function startOn({ folder, env }: Pick<FailingDisk, 'folder' | 'env'>) {
  return startReceiver({
    DATA_DIR: folder,
    HANDLERS: HANDLER,
    RUNS_FILE: runsFileOf(folder),
    ...env,
  })
}

const runsFileOf = (folder: string) => join(folder, '..', 'runs.jsonl')

function readRuns({ folder }: Pick<FailingDisk, 'folder'>): string[] {
  const file = runsFileOf(folder)
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}

async function readStatus(url: string): Promise<number> {
  return (await fetch(url)).status
}

async function sendUntil(sender: EventSender, isEnough: (status?: number) => boolean) {
  for (let sent = 0; sent < 200; sent++) {
    const answer = await sender.send()
    if (isEnough(answer?.status)) return answer
  }
  throw new Error('200 batches were sent, and it never came.')
}

describe('a full disk', { concurrent: true }, () => {
  async function fillAndFree(disk: FailingDisk): Promise<void> {
    const receiver = await startOn(disk)
    const { publicUrl, adminUrl } = receiver
    const api = createAdminApi(adminUrl)
    const sender = createEventSender(publicUrl, LARGE)
    expect((await sender.send())?.status).toBe(200)
    await api.whenIdle()

    disk.fill()
    const refused = await sendUntil(sender, (status) => status !== 200)
    expect(refused).toMatchObject({ status: 503, text: '{"error":"unavailable"}' })
    expect(refused?.headers['retry-after']).toMatch(/^\d+$/)
    const readiness = await (await fetch(`${publicUrl}/readyz`)).json()
    expect(readiness).toEqual({
      ready: false,
      checks: { receiver: 'ok', store: 'store_full', handlers: 'ok' },
    })
    expect(await readStatus(`${publicUrl}/healthz`)).toBe(200)
    expect((await api.stats()).events.total).toBeGreaterThan(0)

    disk.makeRoom()
    await expectRecovery(receiver, sender)
  }

  /** All is as before, by itself and soon. */
  async function expectRecovery(receiver: ReceiverProcess, sender: EventSender): Promise<void> {
    await expect.poll(() => readStatus(`${receiver.publicUrl}/readyz`), SOON).toBe(200)
    for (let sent = 0; sent < 5; sent++) expect((await sender.send())?.status).toBe(200)
    await expectAllHandled(createAdminApi(receiver.adminUrl), sender.acknowledged)
    expect(receiver.child.exitCode).toBeNull()
  }

  it('of its own is answered 503 until there is room; then it goes on by itself', (context) =>
    fillAndFree(mount(context)))

  it('that refuses every write is answered 503 until there is room; then it goes on by itself', (context) =>
    fillAndFree(preloadDisk(context)))

  it('without room to move the log into the database goes on acknowledging', async (context) => {
    const disk = preloadDisk(context)
    const receiver = await startOn(disk)
    const sender = createEventSender(receiver.publicUrl, LARGE)
    disk.fillDatabase()
    for (let sent = 0; sent < 40; sent++) expect((await sender.send())?.status).toBe(200)
    disk.makeRoom()
    await expectRecovery(receiver, sender)
  })

  it('while handlers are at work has none of them run again', async (context) => {
    const disk = preloadDisk(context)
    const receiver = await startOn(disk)
    const sender = createEventSender(receiver.publicUrl, { eventsPerBatch: 200 })
    for (let sent = 0; sent < 10; sent++) expect((await sender.send())?.status).toBe(200)
    await expect.poll(() => readRuns(disk).length, SOON).toBeGreaterThan(100)

    disk.fill()
    expect((await sendUntil(sender, (status) => status !== 200))?.status).toBe(503)
    disk.makeRoom()
    await expectRecovery(receiver, sender)
    const runs = readRuns(disk)
    expect(runs.length).toBe(new Set(runs).size)
  })
})

describe('a sync that fails once', { concurrent: true }, () => {
  async function failSync(file: 'any' | 'database', context: TestContext): Promise<void> {
    const disk = preloadDisk(context)
    const { publicUrl, ended } = await startOn(disk)
    const readReady = () => readStatus(`${publicUrl}/readyz`).catch(() => 'gone')
    const sender = createEventSender(publicUrl, LARGE)
    expect((await sender.send())?.status).toBe(200)

    disk.failNextSync(file)
    await sendUntil(sender, () => disk.hasFailed())
    // The thread that syncs may be stopped before it has told the one that answers.
    await expect.poll(readReady, SOON).not.toBe(200)
    const { size } = sender.acknowledged
    await sendUntil(sender, (status) => status === undefined)
    expect(sender.acknowledged.size).toBe(size)
    expect(await ended).toBe(1)

    const again = await startOn({ ...disk, env: {} })
    await expectAllHandled(createAdminApi(again.adminUrl), sender.acknowledged)
  }

  it('is followed by no 200, and ends the process as failed, and nothing is lost', (context) =>
    failSync('any', context))

  it('while the log is moved into the database is the same', (context) =>
    failSync('database', context))
})

describe('a data directory that is removed while the receiver runs', { concurrent: true }, () => {
  it('is followed by no 200, is told, and ends the process as failed, batch or none', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'receiver-removed-'))
    onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
    const folder = join(parent, 'data')
    const { publicUrl, ended, lines } = await startOn({ folder, env: {} })
    const sender = createEventSender(publicUrl)
    expect((await sender.send())?.status).toBe(200)
    rmSync(folder, { recursive: true })
    const { size } = sender.acknowledged
    await sender.send()
    expect(sender.acknowledged.size).toBe(size)
    expect(await ended).toBe(1)
    expect(lines.join('\n')).toContain('removed or replaced while it was open')

    const again = await startOn({ folder, env: {} })
    rmSync(folder, { recursive: true })
    expect(await again.ended).toBe(1)
  })
})
