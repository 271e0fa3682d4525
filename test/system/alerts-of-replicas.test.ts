import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { startSink } from '../alerts/start-sink.ts'
import { makeFolder } from '../config/settings-folder.ts'
import { sendSigned } from '../receive/send-request.ts'
import { createTestDatabase } from '../store/postgres/test-database.ts'
import { findTestServer } from '../store/postgres/test-server.ts'
import { IS_LONG } from './long-runs.ts'
import { startReceiver } from './receiver-process.ts'

const server = await findTestServer()
const PICKY = fileURLToPath(new URL('./handlers/picky.mjs', import.meta.url))
const PATIENCE = { timeout: 240_000, interval: 200 }

it.skipIf(!server)(
  'two replicas tell people of a cause once, and once of its end',
  async () => {
    const sink = await startSink()
    const { url } = await createTestDatabase(server!)
    const env = { STORE_URL: url, ALERT_URL: sink.url, HANDLERS: PICKY }
    const replicas = await Promise.all(
      [1, 2].map(() => startReceiver({ ...env, DATA_DIR: makeFolder() }, { lookEveryMs: 500 })),
    )
    const told = () =>
      sink.requests.map(({ body }) => {
        const { cause, state } = JSON.parse(body)
        return `${cause} ${state}`
      })
    const order = async (verb: string) => {
      const path = `/api/handlers/picky/${verb}`
      const answer = await fetch(`${replicas[1]!.adminUrl}${path}`, { method: 'POST' })
      expect(answer.status).toBe(200)
    }
    const lost = JSON.stringify({ event: 'bounce', event_id: 'e-1', email: 'user1@example.com' })
    const { port } = new URL(replicas[0]!.publicUrl)
    const sent = await sendSigned(Number(port), `${lost}\nnot json\n`)
    expect(sent).toMatchObject({ status: 200 })
    const first = ['jobs_dead:picky began', 'quarantine began']
    await vi.waitFor(() => expect(told().toSorted()).toEqual(first), PATIENCE)

    // What the other one would tell again, it would tell before this.
    await order('pause')
    await vi.waitFor(() => expect(told()).toHaveLength(3), PATIENCE)
    expect(told()[2]).toBe('handler_paused:picky began')
    if (!IS_LONG) return
    await order('resume')
    await vi.waitFor(() => expect(told()).toHaveLength(4), PATIENCE)
    expect(told()[3]).toBe('handler_paused:picky ended')
    // The hour is not over in which it may not begin again; this is another.
    await sendSigned(Number(port), lost.replace('user1', 'user2'))
    await vi.waitFor(() => expect(told()).toHaveLength(5), PATIENCE)
    expect(told()[4]).toBe('conflicts began')
  },
  600_000,
)
