import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runProgram } from '../../src/cli/program.ts'
import { onTestFinished } from '../on-test-finished.ts'
import { newWebhook, startEndpoint } from '../simulator/start-simulator.ts'
import { makeContext, runCommand } from './run-command.ts'

const PATIENCE = { interval: 20 }

/** Starts the command on a free port; `stop` answers its exit code. */
async function simulate(argv: readonly string[], options: Parameters<typeof makeContext>[0] = {}) {
  const stopped = new AbortController()
  const { context, out, err } = makeContext({ ...options, stopped: stopped.signal })
  const ended = runProgram(['simulate', '--port', '0', ...argv], context)
  const stop = () => {
    stopped.abort()
    return ended
  }
  onTestFinished(async () => void (await stop()))
  await expect.poll(out, PATIENCE).toContain('http://127.0.0.1:')
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(out())?.[0] ?? ''
  const call = (method: string, path: string, body: object, token = 'any') =>
    fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return { url, out, err, stop, call }
}

describe('mailtrap-receiver simulate --help', () => {
  it('tells defaults as one would write them', async () => {
    const { out } = await runCommand(['simulate', '--help'])
    expect(out).toMatch(/--over <time> .*\(default: 1h\)/s)
    expect(out).toMatch(/--faults <list> .*\(default: none\)/s)
    expect(out).not.toMatch(/3600000|\{\}\)/)
  })
})

describe('mailtrap-receiver simulate', () => {
  it('sends generated events to whoever creates a webhook, a line for each request', async () => {
    const { requests, url: hook } = await startEndpoint()
    const argv = ['--events', '40', '--over', '10s', '--seed', '1', '--speed', '0']
    const { call, out, stop } = await simulate(argv)
    expect((await call('POST', '/api/webhooks', newWebhook(hook))).status).toBe(200)
    await call('POST', '/simulator/clock', { advance: '8d' })
    expect(requests.length).toBeGreaterThan(1)
    expect(out()).toMatch(
      /^2026-01-01 00:00:3\d {2}mailtrap\/9001 {2}batch 1, \d+ events: 200 in \d/m,
    )
    expect(await stop()).toBe(0)
  })

  it('says when it pauses a webhook', async () => {
    const { url: hook } = await startEndpoint(() => 500)
    const { call, out } = await simulate(['--events', '1', '--seed', '1', '--speed', '0'])
    await call('POST', '/api/webhooks', newWebhook(hook))
    await call('POST', '/simulator/clock', { advance: '8h' })
    expect(out()).toContain('batch 1, attempt 41, 1 event: 500')
    expect(out()).toContain('mailtrap/9001 is paused: that was the last retry.')
  })

  it('prints JSON for machines', async () => {
    const { url: hook } = await startEndpoint()
    const { call, out } = await simulate(['--events', '1', '--speed', '0', '--json'])
    await call('POST', '/api/webhooks', newWebhook(hook))
    await call('POST', '/simulator/clock', { advance: '1h' })
    const [first, attempt] = out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(first).toEqual({ url: expect.stringMatching(/^http:/) })
    expect(attempt).toMatchObject({
      webhook: 'mailtrap/9001',
      attempt: 1,
      status: 200,
      end: 'sent',
    })
  })

  it('shows webhooks, attempts and faults on a page, and nothing of it is markup', async () => {
    const argv = ['--speed', '0', '--faults', 'duplicate=0.5,reorder']
    const { url, call } = await simulate(argv)
    await call('POST', '/api/webhooks', newWebhook('http://127.0.0.1:1/<b>hook?token=hidden'))
    await call('POST', '/simulator/streams', { webhook: 'mailtrap/9001', events: 2 })
    await call('POST', '/simulator/clock', { advance: '1h' })
    const page = await (await fetch(url)).text()
    expect(page).toContain('mailtrap/9001')
    expect(page).toContain('ECONNREFUSED')
    expect(page).toContain('duplicate 0.5, reorder 1')
    expect(page).not.toContain('<b>')
    expect(page).not.toContain('hidden')
  })

  it('accepts only the API token of its environment, and goes on from its file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simulate-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'state.json')
    const env = { MAILTRAP_API_TOKEN: 'right' }
    const before = await simulate(['--state', file, '--speed', '0'], { env })
    const body = newWebhook('http://127.0.0.1:1/')
    expect((await before.call('POST', '/api/webhooks', body)).status).toBe(401)
    expect((await before.call('POST', '/api/webhooks', body, 'right')).status).toBe(200)
    await before.stop()
    expect(JSON.parse(readFileSync(file, 'utf8')).webhooks).toHaveLength(1)
    const after = await simulate(['--state', file, '--speed', '0'])
    const status = await (await fetch(`${after.url}/simulator/status`)).json()
    expect(status).toMatchObject({ webhooks: [{ webhook: 'mailtrap/9001' }] })
    await after.stop()
    writeFileSync(file, '{}')
    const broken = await runCommand(['simulate', '--state', file])
    expect(broken.exitCode).toBe(1)
    expect(broken.err).toContain(`The file ${file} holds no state of a simulator`)
  })

  it('does not begin where its state cannot be kept', async () => {
    const argv = ['simulate', '--port', '0', '--state', '/dev/null/state.json']
    const { exitCode, out, err } = await runCommand(argv)
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toMatch(/^error: E(NOTDIR|EXIST): .*\/dev\/null.*\.\n$/)
  })

  it('goes on when its state cannot be kept any more, says so once, and ends with 1', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simulate-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'own', 'state.json')
    const { url, err, stop } = await simulate(['--state', file])
    rmSync(join(folder, 'own'), { recursive: true })
    writeFileSync(join(folder, 'own'), '')
    await expect.poll(err, PATIENCE).toMatch(/The state cannot be kept: E(NOTDIR|EXIST): /)
    expect((await fetch(`${url}/simulator/status`)).status).toBe(200)
    expect(await stop()).toBe(1)
    expect(err().match(/cannot be kept/g)).toHaveLength(1)
    expect(err()).not.toMatch(/^ +at /m)
  })

  it('says that its port is taken', async () => {
    const { port } = await startEndpoint()
    const { exitCode, err } = await runCommand(['simulate', '--port', String(port)])
    expect(exitCode).toBe(1)
    expect(err).toContain(`Port ${port} of 127.0.0.1 cannot be had (EADDRINUSE)`)
  })

  it.each([
    ['no-such-host.invalid', /cannot be had \((ENOTFOUND|EAI_AGAIN)\)/],
    ['203.0.113.9', /cannot be had \(EADDRNOTAVAIL\)/],
  ])('says that it cannot listen at %s, and where it can', async (host, problem) => {
    const { exitCode, err } = await runCommand(['simulate', '--port', '0', '--host', host])
    expect(exitCode).toBe(1)
    expect(err).toMatch(problem)
    expect(err).toContain('Give an address of this machine with --host')
    expect(err).not.toMatch(/^ +at /m)
  })

  it.each([
    [['--speed', 'fast'], 'Give a number such as 60'],
    [['--port', '70000'], 'Give a port from 0'],
    [['--over', 'soon'], 'Give a time with its unit'],
    [['--faults', 'duplicates=1'], 'names are duplicate, '],
    [['--faults', 'duplicate=2'], 'the share from 0 to 1'],
    [['--faults', '__proto__=1'], 'names are duplicate, '],
    [['--retries', 'never'], 'Allowed choices are steady, backoff'],
    [['--seed', '-1'], 'Give a whole number from 0'],
  ])('answers %j with exit code 2', async (argv, problem) => {
    const { exitCode, err } = await runCommand(['simulate', ...argv])
    expect(exitCode).toBe(2)
    expect(err).toContain(problem)
  })

  it.each([
    ['/simulator/clock', { advance: 'soon' }, 422, 'is "soon", which is no duration'],
    ['/simulator/clock', { advanced: '1h' }, 422, 'advanced'],
    ['/simulator/streams', { webhook: 'mailtrap/1', events: 1 }, 404, 'no webhook mailtrap/1'],
    ['/simulator/webhooks/mailtrap/1/reset-secret', {}, 404, 'no such webhook'],
    ['/simulator/events', [1], 400, 'Line 1 is no JSON object'],
  ])('refuses %s %j', async (path, body, status, text) => {
    const { call } = await simulate(['--speed', '0'])
    const answer = await call('POST', path, body)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toContain(text.replaceAll('"', '\\"'))
  })
})
