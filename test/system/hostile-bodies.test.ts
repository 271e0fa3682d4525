import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { sendSigned } from '../http/send-request.ts'
import { type AdminApi, createAdminApi } from './admin-api.ts'
import { IS_LONG } from './long-runs.ts'
import { startReceiver } from './receiver-process.ts'

/** Generous: a test machine is busy. What this finds is a stall of seconds. */
const MAX_P99_MS = 500
const PACE_MS = 5

/** What fills a body of 10 MB; fewer show the same, and take less of the machine that others share. */
const LINES = IS_LONG ? 3_333_333 : 2_000_000
const DEEP = '['.repeat(100_000)
const KEYS = Array.from({ length: 400_000 }, (_, n) => `"key${n}":${n}`)
const GOOD = '{"event":"open","event_id":"good-neighbour"}'

/** Authentic, and as bad as can be; each with what must be left of it. */
const HOSTILE = [
  { body: '{}\n'.repeat(LINES), pieces: LINES, reason: 'no_event_name' },
  { body: `{"event":"open","v":${DEEP}${']'.repeat(1e5)}}`, pieces: 1, reason: 'too_deep' },
  { body: `{"event":"open",${KEYS}}`, pieces: 1, reason: 'too_large' },
  { body: `${GOOD}\n${DEEP}\n`, pieces: 1, reason: 'too_deep', kept: DEEP.length },
]

/** Sends small batches one after the other until `over` settles; answers how long each took. */
async function measureAcks(port: number, over: Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = []
  let isOver = false
  const end = over.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const startedAt = performance.now()
    const body = JSON.stringify({ event: 'open', event_id: `small-${tookMs.length}` })
    expect((await sendSigned(port, body)).status).toBe(200)
    tookMs.push(performance.now() - startedAt)
    await wait(PACE_MS)
  }
  await end
  return tookMs.sort((one, other) => one - other)
}

async function whenQuarantined(api: AdminApi, pieces: number): Promise<void> {
  while ((await api.stats()).quarantined < pieces) await wait(50)
}

it('acknowledges quickly, and survives, while hostile but authentic bodies are unpacked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'receiver-hostile-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { child, publicUrl, adminUrl, lines } = await startReceiver({ DATA_DIR: folder })
  const port = Number(new URL(publicUrl).port)
  const api = createAdminApi(adminUrl)

  const all = Promise.all(HOSTILE.map(({ body }) => sendSigned(port, body)))
  const pieces = HOSTILE.reduce((sum, hostile) => sum + hostile.pieces, 0)
  const tookMs = await measureAcks(
    port,
    all.then(() => whenQuarantined(api, pieces)),
  )
  const p99Ms = tookMs[Math.floor(tookMs.length * 0.99)] ?? Number.POSITIVE_INFINITY
  console.info(
    `acks ${tookMs.length} · p99 ${p99Ms.toFixed(1)} ms · max ${tookMs.at(-1)?.toFixed(1)} ms`,
  )
  expect(tookMs.length).toBeGreaterThan(100)
  expect(p99Ms).toBeLessThan(MAX_P99_MS)

  const answers = await all
  const stats = await api.whenIdle()
  expect(stats).toMatchObject({ quarantined: pieces, events: { total: tookMs.length + 1 } })
  const quarantine = await api.quarantine()
  for (const [index, { status, text }] of answers.entries()) {
    const { body = '', pieces, reason, kept = body.trim().length } = HOSTILE[index] ?? {}
    const rows = quarantine.filter(({ batch }) => batch === JSON.parse(text).batch)
    expect(status).toBe(200)
    expect(new Set(rows.map((row) => row.reason))).toEqual(new Set([reason]))
    expect(rows.reduce((sum, row) => sum + row.pieces, 0)).toBe(pieces)
    // All but the line ends between rows.
    expect(rows.reduce((sum, row) => sum + row.bytes, 0)).toBe(kept - rows.length + 1)
    const last = rows.at(-1)
    const bytes = await api.quarantineBody(last?.id ?? '')
    expect(body.includes(bytes.toString())).toBe(true)
  }
  expect(child.exitCode).toBeNull()
  expect(lines.filter((line) => line.includes('could not be unpacked'))).toEqual([])
})
