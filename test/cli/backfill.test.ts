import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { runCommand } from './run-command.ts'
import { startAdmin } from './start-admin.ts'

const SPAN = ['--from', '2026-11-21T02:00', '--to', '2026-11-21T09:30']

/** An e-mail log that has enough for now, for a minute. */
async function startLimited() {
  const asked = new AbortController()
  const server = createServer((_request, response) => {
    response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '60' })
    response.end('{"errors":"Rate limit exceeded"}', () => asked.abort())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = { MAILTRAP_API_TOKEN: 'token', MAILTRAP_ACCOUNT_ID: '1', MAILTRAP_API_URL: url }
  return { env, asked: asked.signal }
}

describe('mailtrap-receiver backfill', () => {
  it('ends at once when it is stopped while it waits for its turn at the provider', async () => {
    const { run } = await startAdmin()
    const { env, asked } = await startLimited()
    const { exitCode, out, err } = await run(['backfill', ...SPAN], { env, stopped: asked })
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toMatch(/error: Stopped before .+\.\n$/)
    expect(err).not.toMatch(/^ +at /m)
  })

  it('finds out first whether its receiver answers, also when it only tells', async () => {
    const { env, asked } = await startLimited()
    const argv = ['backfill', ...SPAN, '--dry-run', '--admin-url', 'http://127.0.0.1:9']
    const { exitCode, err } = await runCommand(argv, { env, stopped: AbortSignal.timeout(20_000) })
    expect(exitCode).toBe(1)
    expect(err).toContain('No admin API answers at http://127.0.0.1:9')
    expect(asked.aborted).toBe(false)
  })
})
