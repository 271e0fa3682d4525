import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findSecureServer } from '../store/postgres/test-server.ts'
import { createAdminApi } from './admin-api.ts'
import { createEventSender, expectAllHandled } from './event-sender.ts'
import { startReceiver } from './receiver-process.ts'

const RECORDER = fileURLToPath(new URL('./handlers/recorder.mjs', import.meta.url))

const server = await findSecureServer()
const PATIENCE = { interval: 100 }

/** A file that holds a secret, as Kubernetes mounts one. */
function secretFile(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-secret-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const path = join(folder, 'store-url')
  const write = (changed: string) => writeFileSync(path, `${changed}\n`)
  write(text)
  return { folder, path, write }
}

/** A user of the database, whom only a password lets in. */
async function createUser(database: Awaited<ReturnType<typeof createTestDatabase>>) {
  const { url, execute } = database
  const user = `user_${url.slice(url.indexOf('test_'), url.indexOf('?'))}`
  await execute(
    `CREATE ROLE ${user} LOGIN PASSWORD 'first'; CREATE SCHEMA mailtrap_receiver AUTHORIZATION ${user}`,
  )
  return { user, urlWith: (password: string) => server!.tcpUrl(url, user, password) }
}

describe.skipIf(!server)('a receiver whose STORE_URL_FILE changes', () => {
  it('goes on with the new password under load, and loses nothing meanwhile', async () => {
    const database = await createTestDatabase(server!)
    const { user, urlWith } = await createUser(database)
    const file = secretFile(urlWith('first'))
    const receiver = await startReceiver({
      STORE_URL_FILE: file.path,
      DATA_DIR: file.folder,
      HANDLERS: RECORDER,
      RUNS_FILE: '/dev/null',
    })
    const api = createAdminApi(receiver.adminUrl)
    const sender = createEventSender(receiver.publicUrl)
    const statuses = new Set<number | undefined>()
    let isSending = true
    const load = [1, 2].map(async () => {
      for (; isSending; await wait(20)) statuses.add((await sender.send())?.status)
    })
    await vi.waitFor(() => expect(sender.acknowledged.size).toBeGreaterThan(100), PATIENCE)

    await database.execute(`ALTER ROLE ${user} PASSWORD 'second'`)
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${user}'`
    expect((await database.execute(cut)).length).toBeGreaterThan(0)
    const before = sender.acknowledged.size
    await vi.waitFor(() => expect(sender.acknowledged.size).toBeGreaterThan(before + 100), PATIENCE)
    await expect(new Client(urlWith('first')).connect()).rejects.toMatchObject({ code: '28P01' })

    file.write(urlWith('second'))
    const connected = `SELECT 1 FROM pg_stat_activity WHERE usename = '${user}'`
    await vi.waitFor(
      async () => expect(await database.execute(connected)).not.toEqual([]),
      PATIENCE,
    )
    isSending = false
    await Promise.all(load)

    const total = sender.acknowledged.size
    await vi.waitFor(async () => expect((await api.stats()).events.total).toBe(total), PATIENCE)
    await expectAllHandled(api, sender.acknowledged)
    expect([...statuses]).toEqual([200])
  })
})
