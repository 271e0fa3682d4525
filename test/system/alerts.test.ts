import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { startSink } from '../alerts/start-sink.ts'
import { signed } from '../receive/start-server.ts'
import { startApp, type TestApp } from './start-app.ts'

const PICKY = fileURLToPath(new URL('./handlers/picky.mjs', import.meta.url))
const PATIENCE = { interval: 200 }

async function send({ port }: TestApp, body: string): Promise<void> {
  const url = `http://127.0.0.1:${port}/webhooks/mailtrap`
  const answer = await fetch(url, { method: 'POST', body, headers: signed(body) })
  expect(answer.status).toBe(200)
}

it('tells of dead jobs and quarantine once, without a person in it, and not again after a restart', async () => {
  const sink = await startSink()
  const told = () =>
    sink.requests.map(({ body }) => {
      const { cause, state } = JSON.parse(body)
      return `${cause} ${state}`
    })
  const env = { ALERT_URL: sink.url, HANDLERS: PICKY }
  let app = await startApp(env, { lookEveryMs: 500 })
  try {
    const lost = JSON.stringify({ event: 'bounce', event_id: 'e-1', email: 'user1@example.com' })
    await send(app, `${lost}\nnot json\n`)
    await vi.waitFor(() => expect(told()).toHaveLength(2), PATIENCE)
    expect(told().sort()).toEqual(['jobs_dead:picky began', 'quarantine began'])
    expect(sink.requests.map(({ body }) => body).join()).not.toContain('example.com')

    app = await app.restart()
    // What a restart would tell again, it would tell before this.
    const paused = await fetch(`${app.adminUrl}/api/handlers/picky/pause`, { method: 'POST' })
    expect(paused.status).toBe(200)
    await vi.waitFor(() => expect(told().length).toBeGreaterThan(2), PATIENCE)
    expect(told().slice(2)).toEqual(['handler_paused:picky began'])
  } finally {
    await app.stop()
  }
})
