import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { SECRET, startReceiver } from '../system/receiver-process.ts'
import { runShell } from '../tooling/shell.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PATIENCE = { interval: 100 }

interface Stats {
  readonly backlog: number
  readonly duplicates: number
  readonly events: { readonly by_type: Readonly<Record<string, number>> }
}

/** All three as they are used: in a receiver that gets its batches from `send`. */
async function startExamples(env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'running-examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const { publicUrl, adminUrl } = await startReceiver({
    DATA_DIR: folder,
    HANDLERS: join(ROOT, 'fixtures/handlers'),
    SUPPRESSIONS_DB: join(folder, 'suppressions.db'),
    ENGAGEMENT_DB: join(folder, 'engagement.db'),
    ALERT_FILE: join(folder, 'alerts.log'),
    ...env,
  })

  async function readStats(): Promise<Stats> {
    const answer = await fetch(`${adminUrl}/api/stats`)
    return (await answer.json()) as Stats
  }

  async function readEvents() {
    const answer = await fetch(`${adminUrl}/api/events?limit=500`)
    const { events } = (await answer.json()) as { events: { type: string; recipient: string }[] }
    return events
  }

  /** Twice, as a provider does that missed our answer. */
  async function sendTwice(what: string): Promise<Stats> {
    const send = `'${process.execPath}' dist/main.js send ${what} --url ${publicUrl}/webhooks/mailtrap`
    const options = { cwd: ROOT, env: { MAILTRAP_SIGNING_SECRET: SECRET } }
    await runShell(send, options)
    await runShell(send, options)
    // An answer that was under way is shared: the first one may be of before.
    await readStats()
    await expect.poll(async () => (await readStats()).backlog, PATIENCE).toBe(0)
    return readStats()
  }

  function read(database: string, query: string): Record<string, unknown>[] {
    const db = new DatabaseSync(join(folder, database), { readOnly: true })
    try {
      return db
        .prepare(query)
        .all()
        .map((row) => ({ ...(row as object) }))
    } finally {
      db.close()
    }
  }

  const readAlerts = () => readFileSync(join(folder, 'alerts.log'), 'utf8').trimEnd().split('\n')
  return { sendTwice, read, readEvents, readAlerts }
}

/** Takes alerts, as a chat would. */
async function listen() {
  const alerts: unknown[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = await request.toArray()
    alerts.push(JSON.parse(Buffer.concat(chunks).toString()))
    response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { alerts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
}

it('the examples do their work in a running receiver', async () => {
  const { alerts, url } = await listen()
  const { sendTwice, read, readEvents, readAlerts } = await startExamples({ AUDIT_ALERT_URL: url })

  // They list everybody who must not get e-mail any more, for the gravest reason.
  const reasons = { unsubscribe: 'unsubscribe', bounce: 'hard bounce', spam: 'complaint' }
  const types = [...Object.keys(reasons), 'delivery', 'soft bounce']
  const stats = await sendTwice(`--count 80 --seed 3 --type '${types.join()}'`)
  expect(stats.duplicates).toBe(80)
  const events = await readEvents()
  const expected = new Map<string, string>()
  for (const [type, reason] of Object.entries(reasons)) {
    for (const event of events) if (event.type === type) expected.set(event.recipient, reason)
  }
  expect(expected.size).toBeGreaterThan(20)
  const listed = read('suppressions.db', 'SELECT recipient, reason FROM suppressions')
  expect(new Map(listed.map(({ recipient, reason }) => [recipient, reason]))).toEqual(expected)

  // They count every open and click once.
  const { open, click } = (await sendTwice('--count 700 --seed 4')).events.by_type
  const counted = read(
    'engagement.db',
    'SELECT type, sum(events) AS n FROM engagement_per_day GROUP BY type ORDER BY type',
  )
  expect(counted).toEqual([
    { type: 'click', n: click },
    { type: 'open', n: open },
  ])

  // They tell of every change in the account once.
  await sendTwice('fixtures/requests/audit-log.json')
  const lines = readAlerts()
  expect(lines).toHaveLength(3)
  expect(lines.join('\n')).toContain('activity_log.user.login by ')
  expect(alerts).toHaveLength(3)
})
