import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { makeFolder } from '../config/settings-folder.ts'
import { startFakeMailtrap, TOKEN, webhook } from '../guardian/fake-mailtrap.ts'
import { findFreePort } from '../receive/find-free-port.ts'
import { startReceiver } from './receiver-process.ts'
import { startApp } from './start-app.ts'

const PATIENCE = { interval: 100 }
const OUTAGE_MS = 41 * 300_000

const batch = (id: string) =>
  JSON.stringify({ events: [{ event: 'bounce', event_id: id, email: 'a@example.com' }] })

it.concurrent('resumes its webhook after an outage that was longer than the provider’s patience', async () => {
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}/webhooks/mailtrap`
  const mailtrap = await startFakeMailtrap([webhook({ url })])
  const down = await startApp({
    PORT: String(port),
    MAILTRAP_API_TOKEN: TOKEN,
    MAILTRAP_API_URL: mailtrap.url,
    GUARDIAN_RESUME: 'true',
    GUARDIAN_INTERVAL: '1s',
  })
  expect(await mailtrap.deliver(batch('before'), () => {})).toBe(0)
  await down.api.whenIdle()
  await down.pause()

  let retries = 0
  const outcome = await mailtrap.deliver(batch('lost'), () => {
    retries++
  })
  expect([outcome, retries, mailtrap.webhooks[0]?.active]).toEqual([-1, 40, false])
  writeFileSync(
    join(down.folder, 'data/well-at'),
    `${new Date(Date.now() - OUTAGE_MS).toISOString()}\n`,
  )

  const up = await down.restart()
  try {
    const noticed = await vi.waitFor(async () => {
      const { guardian } = await up.api.stats()
      expect(guardian?.looked_at).toBeTruthy()
      return guardian
    }, PATIENCE)
    expect(noticed?.last_outage).toMatchObject({ retries_used: 40, retries_limit: 40 })
    await vi.waitFor(async () => {
      const { guardian } = await up.api.stats()
      expect(guardian).toMatchObject({ webhooks: 1, paused: 0, resumed: 1, problems: [] })
    }, PATIENCE)

    expect(mailtrap.webhooks[0]?.active).toBe(true)
    expect(await mailtrap.deliver(batch('after'), () => {})).toBe(0)
    await up.api.whenIdle()
    expect(up.runs()).toHaveLength(2)
  } finally {
    await up.stop()
  }
})

it.concurrent('has loaded what it needs before anybody is answered, and nothing without a token', async () => {
  const preload = fileURLToPath(new URL('./tell-loaded.cjs', import.meta.url))
  const whenListening = async (env: Record<string, string>) => {
    const folder = makeFolder()
    const given = { DATA_DIR: folder, NODE_OPTIONS: `--require ${preload}`, ...env }
    const { child, ended, lines } = await startReceiver(given)
    child.kill('SIGTERM')
    await ended
    return lines.join('').match(/the SDK is (not )?loaded/g)
  }
  const mailtrap = await startFakeMailtrap([])
  const env = { MAILTRAP_API_TOKEN: TOKEN, MAILTRAP_API_URL: mailtrap.url }
  // Of the admin listener and the public one.
  expect(await whenListening(env)).toEqual(['the SDK is loaded', 'the SDK is loaded'])
  expect(await whenListening({})).toEqual(['the SDK is not loaded', 'the SDK is not loaded'])
})
