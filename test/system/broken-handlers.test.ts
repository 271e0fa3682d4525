import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { PATIENCE_MS } from '../patience-ms.ts'
import { sendSigned } from '../receive/send-request.ts'
import { SECRET } from '../receive/start-server.ts'
import { createAdminApi } from './admin-api.ts'
import { startReceiver } from './receiver-process.ts'

it('is ready although a handler cannot run, says so, and says when it runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-broken-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const handlers = join(folder, 'handlers')
  mkdirSync(handlers)
  const file = join(handlers, 'fragile.mjs')
  writeFileSync(file, 'throw new Error("the rates cannot be read")\n')
  const receiver = await startReceiver({ DATA_DIR: join(folder, 'data'), HANDLERS: handlers })
  const readiness = async () => {
    const answer = await fetch(`${receiver.publicUrl}/readyz`)
    return (await answer.json()) as { ready: boolean; checks: Record<string, string> }
  }

  const broken = 'degraded: 1 cannot run, its events wait'
  expect(await readiness()).toEqual({
    ready: true,
    checks: { receiver: 'ok', store: 'ok', handlers: broken },
  })

  writeFileSync(
    file,
    `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({ name: 'fragile', on: { open: () => {} } })\n`,
  )
  receiver.child.kill('SIGHUP')
  await vi.waitFor(async () => {
    expect((await readiness()).checks).toMatchObject({ handlers: 'ok' })
  })
})

it('lets no event wait for others that end its process, however many of them come again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-crashing-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const handlers = join(folder, 'handlers')
  mkdirSync(handlers)
  writeFileSync(
    join(handlers, 'fragile.mjs'),
    `import { defineHandler } from 'mailtrap-receiver'
export default defineHandler({
  name: 'fragile',
  on: { spam: () => process.exit(3), delivery: () => {} },
})\n`,
  )
  const receiver = await startReceiver({
    DATA_DIR: join(folder, 'data'),
    HANDLERS: handlers,
    MAILTRAP_SIGNING_SECRET: SECRET,
    // Those that end the process are due again at once, for as long as this takes.
    RETRY_SCHEDULE: Array.from({ length: 50 }, () => '1s').join(','),
  })
  const api = createAdminApi(receiver.adminUrl)
  const port = Number(new URL(receiver.publicUrl).port)
  const send = async (count: number) => {
    const events = Array.from({ length: count }, (_, n) => ({
      event: n % 10 === 0 ? 'spam' : 'delivery',
      event_id: randomUUID(),
    }))
    expect((await sendSigned(port, JSON.stringify({ events }))).status).toBe(200)
  }
  const fragile = async () => (await api.stats()).jobs['fragile']

  for (let batch = 0; batch < 4; batch++) await send(500)
  await vi.waitFor(async () => expect((await fragile())?.done).toBe(1_800), {
    timeout: PATIENCE_MS,
    interval: 250,
  })
  expect((await fragile())?.pending).toBe(200)
  await send(10)
  await vi.waitFor(async () => expect((await fragile())?.done).toBe(1_809), {
    timeout: PATIENCE_MS,
    interval: 250,
  })
})
