import { describe, expect, it } from 'vitest'
import { startSink } from '../alerts/start-sink.ts'
import { runCommand } from './run-command.ts'

const run = (env: Record<string, string>, ...argv: string[]) =>
  runCommand(['alert', ...argv], { env })

describe('mailtrap-receiver alert --test', () => {
  it('sends one message, and says what came back', async () => {
    const { url, requests, answer } = await startSink()
    answer.status = 202
    const { exitCode, out, err } = await run({ ALERT_URL: url }, '--test')
    const { host } = new URL(url)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toBe(`Sent a test to ${host}, which answered 202.\n`)
    expect(JSON.parse(requests[0]!.body)).toMatchObject({ cause: 'test', state: 'began' })
    const json = await run(
      { ALERT_URL: url, PUBLIC_URL: 'https://a.example.com' },
      '--test',
      '--json',
    )
    expect(JSON.parse(json.out)).toEqual({ host, status: 202 })
    expect(JSON.parse(requests[1]!.body)).toMatchObject({ receiver: 'a.example.com' })
  })
  it('fails when it was not taken, and never shows the whole address', async () => {
    const { url, answer } = await startSink()
    Object.assign(answer, { status: 404, body: 'no_team' })
    const { exitCode, out, err } = await run({ ALERT_URL: url }, '--test')
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' })
    expect(err).toBe('error: Where ALERT_URL leads answered 404 (no_team).\n')
  })
  it('says what is missing', async () => {
    expect(await run({}, '--test')).toMatchObject({
      exitCode: 78,
      err: expect.stringContaining('ALERT_URL is not set'),
    })
    expect(await run({})).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('Try: mailtrap-receiver alert --test'),
    })
  })
})
