import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { loadedMs } from '../loaded-ms.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { sendSigned } from '../receive/send-request.ts'
import { type AdminApi, createAdminApi } from './admin-api.ts'
import { readHeldUpMs } from './held-up-ms.ts'
import { IS_LONG } from './long-runs.ts'
import { startReceiver } from './receiver-process.ts'

/** What this finds is a stall of seconds. Time without a core, which others had, does not count. */
const MAX_MS = 500
/** Acknowledgements share one sync with 16 MB of hostile bodies then. */
const MAX_KEEPING_MS = 2_000
const PACE_MS = 5

/** What fills a body of 10 MB; fewer show the same, and take less of the machine that others share. */
const LINES = IS_LONG ? 3_333_333 : 2_000_000
const DEEP = '['.repeat(100_000)
const KEYS = Array.from({ length: 400_000 }, (_, n) => `"key${n}":${n}`)
const GOOD = '{"event":"open","event_id":"good-neighbour"}'

/** Beyond so many, the rest of a batch is quarantined as one piece. */
const MOST_PIECES = 2 ** 20
/** As large as an event can be, and slow to parse. */
const LARGE = `{"event":"open",${KEYS}}`

/** Authentic, and as bad as can be; each with what must be left of it. */
const HOSTILE = [
  { body: '{}\n'.repeat(LINES), pieces: MOST_PIECES + 1, reason: ['no_event_name', 'too_many'] },
  { body: `{"event":"open","v":${DEEP}${']'.repeat(1e5)}}`, pieces: 1, reason: ['too_deep'] },
  { body: `${GOOD}\n${DEEP}\n`, pieces: 1, reason: ['too_deep'], kept: DEEP.length },
]

interface Acker {
  readonly port: number
  readonly pid: number
}

/** Sends small batches one after the other until `over` settles; answers how long each took, sorted. */
async function measureAcks(
  { port, pid }: Acker,
  name: string,
  over: Promise<unknown>,
): Promise<number[]> {
  const tookMs: number[] = []
  let isOver = false
  const end = over.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const [startedAt, heldUpBefore] = [performance.now(), readHeldUpMs(pid)]
    const body = JSON.stringify({ event: 'open', event_id: `${name}-${tookMs.length}` })
    expect((await sendSigned(port, body)).status).toBe(200)
    tookMs.push(performance.now() - startedAt - (readHeldUpMs(pid) - heldUpBefore))
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
  const acker = { port, pid: child.pid ?? 0 }
  const api = createAdminApi(adminUrl)

  const all = Promise.all(HOSTILE.map(({ body }) => sendSigned(port, body)))
  const pieces = HOSTILE.reduce((sum, hostile) => sum + hostile.pieces, 0)
  const keptMs = await measureAcks(acker, 'kept', all)
  const tookMs = await measureAcks(acker, 'unpacked', whenQuarantined(api, pieces))
  const [slowestKept = 0, slowest = 0] = [keptMs.at(-1), tookMs.at(-1)]
  console.info(
    `acks while kept ${keptMs.length}, slowest ${slowestKept.toFixed(1)} ms · while unpacked ${tookMs.length}, slowest ${slowest.toFixed(1)} ms`,
  )
  expect(tookMs.length).toBeGreaterThan(20)
  expect(slowestKept).toBeLessThan(loadedMs(MAX_KEEPING_MS))
  expect(slowest).toBeLessThan(loadedMs(MAX_MS))

  const answers = await all
  expect((await sendSigned(port, LARGE)).status).toBe(200)
  const stats = await api.whenIdle()
  expect(stats).toMatchObject({
    quarantined: pieces,
    events: { total: keptMs.length + tookMs.length + 2 },
  })
  const quarantine = await api.quarantine()
  for (const [index, { status, text }] of answers.slice(0, HOSTILE.length).entries()) {
    const { body = '', pieces, reason = [], kept = body.trim().length } = HOSTILE[index] ?? {}
    const rows = quarantine.filter(({ batch }) => batch === JSON.parse(text).batch)
    expect(status).toBe(200)
    expect(new Set(rows.map((row) => row.reason))).toEqual(new Set(reason))
    expect(rows.reduce((sum, row) => sum + row.pieces, 0)).toBe(pieces)
    // All but the line ends between rows; what is too much is kept as it ends.
    const ended = reason.includes('too_many') ? 1 : 0
    expect(rows.reduce((sum, row) => sum + row.bytes, 0)).toBe(kept - rows.length + 1 + ended)
    const last = rows.at(-1)
    const bytes = await api.quarantineBody(last?.id ?? '')
    expect(body.includes(bytes.toString())).toBe(true)
  }
  expect(child.exitCode).toBeNull()
  expect(lines.filter((line) => line.includes('could not be unpacked'))).toEqual([])
})
