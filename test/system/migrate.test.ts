import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCommand } from '../cli/run-command.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { startApp } from './start-app.ts'

const server = await findTestServer()

const body = (from: number, count: number) =>
  JSON.stringify({
    events: Array.from({ length: count }, (_, n) => ({
      event: 'open',
      event_id: `id-${from + n}`,
    })),
  })

describe.skipIf(!server)('a receiver that moved to PostgreSQL', () => {
  it('takes what it received before for duplicates, and runs only what is new', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'receiver-moved-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const { url } = await createTestDatabase(server!)
    const before = await startApp({ DATA_DIR: folder })
    await sendSigned(before.port, body(0, 100))
    await sendSigned(before.port, '{"events":[{"event":')
    await before.api.whenIdle()
    const received = await before.api.stats()

    const argv = ['migrate', '--from', `sqlite:${join(folder, 'receiver.db')}`, '--to', url]
    const refused = await runCommand(argv)
    expect([refused.exitCode, refused.err]).toEqual([1, expect.stringContaining('Stop it first')])
    await before.stop()
    expect(await runCommand(argv)).toMatchObject({ exitCode: 0 })

    const after = await startApp({ STORE_URL: url })
    onTestFinished(() => after.stop())
    const { events, jobs, quarantined } = await after.api.stats()
    expect({ events, jobs, quarantined }).toEqual({
      events: received.events,
      jobs: received.jobs,
      quarantined: received.quarantined,
    })
    expect(quarantined).toBe(1)

    expect(await sendSigned(after.port, body(0, 100))).toMatchObject({ status: 200 })
    expect(await sendSigned(after.port, body(90, 20))).toMatchObject({ status: 200 })
    const idle = await after.api.whenIdle()
    expect(idle).toMatchObject({ duplicates: 110, events: { total: 110, by_state: { done: 110 } } })
    expect(after.runs()).toHaveLength(10)
    expect(await after.api.events()).toHaveLength(110)
  })
})
