import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { SECRET, source, startServer, type TestOptions } from '../receive/start-server.ts'
import { type RunOptions, runCommand } from './run-command.ts'

const env = { MAILTRAP_SIGNING_SECRET: SECRET }

async function startReceiver(options: TestOptions = {}) {
  const server = await startServer(options)
  const url = `${server.url}/webhooks/mailtrap`
  const send = (argv: readonly string[], others: RunOptions = {}) =>
    runCommand(['send', '--url', url, ...argv], { env, ...others })
  const bodies = () => server.batches.map((batch) => Buffer.from(batch.body).toString())
  return { ...server, send, bodies }
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'send-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

describe('the times of generated events', () => {
  it('are never in the future, however many there are', async () => {
    const { send, bodies } = await startReceiver()
    expect((await send(['--count', '3000'])).exitCode).toBe(0)
    const now = Date.now() / 1_000
    const times = bodies().flatMap((body) =>
      JSON.parse(body).events.map(({ timestamp }: { timestamp: number }) => timestamp),
    ) as number[]
    expect(times).toHaveLength(3_000)
    expect(Math.max(...times)).toBeLessThanOrEqual(now)
    expect(Math.min(...times)).toBeGreaterThan(now - 120)
  })
})

describe('mailtrap-receiver send with files', () => {
  it('sends each file byte for byte as one batch', async () => {
    const { send, batches } = await startReceiver()
    const files = ['one-bad-line.jsonl', 'audit-log.json'].map(
      (name) => `fixtures/requests/${name}`,
    )
    const { exitCode, out } = await send([...files, '--connections', '1'])
    expect(exitCode).toBe(0)
    expect(out).toMatch(/^sent {6}2 batches, /)
    expect(batches.map((batch) => Buffer.from(batch.body))).toEqual(
      await Promise.all(files.map((file) => readFile(file))),
    )
    expect(batches.map((batch) => batch.contentType)).toEqual([
      'application/jsonl',
      'application/json',
    ])
  })

  it('sends stdin as it is, with the content type asked for', async () => {
    const { send, batches, bodies } = await startReceiver()
    const stdin = '{ "event" : "open" ,\r\n "n": 12345678901234567890 }'
    const { exitCode, out } = await send(['-', '--content-type', 'text/x-own'], { stdin })
    expect(exitCode).toBe(0)
    expect(bodies()).toEqual([stdin])
    expect(batches[0]?.contentType).toBe('text/x-own')
    expect(out).toContain('last      200 {"status":"received","batch":')
  })

  it('packs the lines of a stream into batches when asked to', async () => {
    const { send, bodies } = await startReceiver()
    const lines = Array.from({ length: 7 }, (_, n) => `{"event":"open","n":${n}}\n`)
    const stdin = Readable.from(lines.map((line) => Buffer.from(line)))
    const argv = ['-', '--split', '--batch-size', '3', '--format', 'array', '--connections', '1']
    expect((await send(argv, { stdin })).exitCode).toBe(0)
    const sent = bodies().map((body) => JSON.parse(body).map(({ n }: { n: number }) => n))
    expect(sent).toEqual([[0, 1, 2], [3, 4, 5], [6]])
  })

  it('stops at a line that is no JSON, and repeats nothing of it', async () => {
    const { send, bodies } = await startReceiver()
    async function* lines() {
      yield '{"event":"open"}\n'
      await expect.poll(bodies).toHaveLength(1)
      yield '{"email":"ada@example.com\n{"event":"open"}\n'
    }
    const argv = ['-', '--split', '--batch-size', '1']
    const { exitCode, out, err } = await send(argv, { stdin: Readable.from(lines()) })
    expect(exitCode).toBe(1)
    expect(out).toMatch(/^sent {6}1 batch, 1 event/)
    expect(err).toMatch(/^error: Standard input holds a line that is no JSON object/)
    expect(err).not.toContain('ada')
  })

  it('stops at a line that is null, which is no event', async () => {
    const { send } = await startReceiver()
    const stdin = 'null\n{"event":"open"}\n'
    const { exitCode, err } = await send(['-', '--split'], { stdin })
    expect(exitCode).toBe(1)
    expect(err).toMatch(/^error: Standard input holds a line that is no JSON object/)
  })

  it('fails with a sentence when a file cannot be read', async () => {
    const { send } = await startReceiver()
    for (const argv of [['/no/such.json'], ['/no/such.jsonl', '--split']]) {
      const { exitCode, err } = await send(argv)
      expect(exitCode).toBe(1)
      expect(err).toMatch(/^error: The file \/no\/such\.jsonl? could not be read \(ENOENT\)/)
    }
  })
})

describe('mailtrap-receiver send --count', () => {
  it('sends so many events in batches, all accepted', async () => {
    const { send, bodies, refused } = await startReceiver()
    const { exitCode, out } = await send(['--count', '1200', '--json'])
    expect(exitCode).toBe(0)
    expect(refused).toEqual([])
    const events = bodies().flatMap((body) => JSON.parse(body).events)
    expect(bodies()).toHaveLength(3)
    expect(new Set(events.map((event) => event.event_id)).size).toBe(1_200)
    expect(JSON.parse(out)).toMatchObject({
      batches: 3,
      events: 1_200,
      answers: { 200: 3 },
      not_ok: 0,
      seed: null,
    })
  })

  it('sends the same bytes for the same seed', async () => {
    const { send, bodies } = await startReceiver()
    await send(['--count', '20', '--seed', '7'])
    await send(['--count', '20', '--seed', '7'])
    await send(['--count', '20', '--seed', '8'])
    const [first, again, other] = bodies()
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  it('generates only the types asked for, as JSON Lines', async () => {
    const { send, bodies, batches } = await startReceiver()
    const types = 'soft_bounce,activity_log.user.login,inbound.message_received'
    await send(['--count', '60', '--type', types, '--format', 'jsonl'])
    const lines = bodies()[0]?.trimEnd().split('\n') ?? []
    expect(lines).toHaveLength(60)
    expect(new Set(lines.map((line) => JSON.parse(line).event))).toEqual(
      new Set(['soft bounce', 'activity_log.user.login', 'inbound.message_received']),
    )
    expect(batches[0]?.contentType).toBe('application/jsonl')
  })

  it('speaks as MailingAPI does, one event in a request', async () => {
    const { url, batches } = await startServer({
      sources: [source({ name: 'mailingapi', provider: 'mailingapi' })],
    })
    const { exitCode } = await runCommand(
      ['send', '--provider', 'mailingapi', '--count', '5', '--url', `${url}/webhooks/mailingapi`],
      { env: { MAILINGAPI_SIGNING_SECRET: SECRET } },
    )
    expect(exitCode).toBe(0)
    const events = batches.map((batch) => JSON.parse(Buffer.from(batch.body).toString()))
    expect(events).toHaveLength(5)
    for (const event of events) expect(event.id).toMatch(/^evt_/)
  })

  it('keeps to the rate', async () => {
    const { send } = await startReceiver()
    const startedAt = performance.now()
    await send(['--count', '40', '--batch-size', '10', '--rate', '100'])
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290)
  })
})

describe('mailtrap-receiver send and the answers', () => {
  it('counts a wrong signature as refused and exits 1', async () => {
    const { send, batches } = await startReceiver()
    const { exitCode, out, err } = await send(['--count', '10', '--bad-signature'])
    expect(exitCode).toBe(1)
    expect(batches).toEqual([])
    expect(out).toContain('answers   1 × 401')
    expect(err).toContain('The batch was not answered 200. 401: the secret')
  })

  it('gives basic auth and the token', async () => {
    const checked = source({ basicAuth: 'user:pass:word', urlToken: 't+k n' })
    const { send, refused } = await startReceiver({ sources: [checked] })
    const given = ['--basic-auth', 'user:pass:word', '--token', 't+k n']
    expect((await send(['--count', '1', ...given])).exitCode).toBe(0)
    const fromEnvironment = { ...env, BASIC_AUTH: 'user:pass:word', URL_TOKEN: 't+k n' }
    expect((await send(['--count', '1'], { env: fromEnvironment })).exitCode).toBe(0)
    expect(refused).toEqual([])
    expect((await send(['--count', '1'])).exitCode).toBe(1)
  })

  it('gives up when nobody answers at all', async () => {
    const argv = ['send', '--url', 'http://127.0.0.1:9/webhooks/mailtrap']
    const many = [...argv, '--count', '1000000', '--batch-size', '1']
    const { exitCode, err } = await runCommand(many, { env })
    expect(exitCode).toBe(1)
    expect(err).toContain('Nothing answers at http://127.0.0.1:9/webhooks/mailtrap (ECONNREFUSED)')
  })

  it('stops when asked, and reports what was sent', async () => {
    const stop = new AbortController()
    const { send } = await startReceiver({
      append: async () => stop.abort(),
    })
    const { exitCode, out, err } = await send(['--count', '1000000'], { stopped: stop.signal })
    expect(exitCode).toBe(1)
    expect(out).toMatch(/^sent {6}\d batch/)
    expect(err).toContain('Stopped before everything was sent.')
  })
})

describe('mailtrap-receiver send --split', () => {
  it('fails when there is nothing to send', async () => {
    const { send } = await startReceiver()
    for (const argv of [[], ['--json']]) {
      const run = await send(['-', '--split', ...argv], { stdin: '' })
      expect(run).toMatchObject({
        exitCode: 1,
        out: '',
        err: expect.stringContaining('nothing to send'),
      })
    }
  })
})

describe('mailtrap-receiver send and the secret', () => {
  it('takes it from an option, a file, the environment or the development secret', async () => {
    const { send } = await startReceiver()
    const folder = await makeFolder()
    await writeFile(join(folder, 'dev-secret'), `${SECRET}\n`)
    const file = join(folder, 'dev-secret')
    const ways: readonly [readonly string[], Record<string, string>][] = [
      [['--secret', SECRET], {}],
      [['--secret-file', file], { MAILTRAP_SIGNING_SECRET: 'another-secret-altogether' }],
      [[], { MAILTRAP_SIGNING_SECRET: `${SECRET},the-one-before-it-was-changed` }],
      [[], { MAILTRAP_SIGNING_SECRET_FILE: file }],
      [[], { DATA_DIR: folder }],
    ]
    for (const [argv, given] of ways) {
      const { exitCode, out, err } = await send(['--count', '1', ...argv], { env: given })
      expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
      expect(out + err).not.toContain(SECRET)
    }
  })

  it('is not shown when it stands where the path of its file should be', async () => {
    const { exitCode, err } = await runCommand(['send', '--count', '1'], {
      env: { MAILTRAP_SIGNING_SECRET_FILE: SECRET },
    })
    expect(exitCode).toBe(78)
    expect(err).toContain('The file with the secret could not be read (ENOENT).')
    expect(err).not.toContain(SECRET)
  })

  it('says where to put it when there is none', async () => {
    const { exitCode, err } = await runCommand(['send', '--count', '1'], {
      env: { DATA_DIR: await makeFolder() },
    })
    expect(exitCode).toBe(78)
    expect(err).toContain('Set MAILTRAP_SIGNING_SECRET, give --secret-file')
  })
})

describe('mailtrap-receiver send, used wrongly', () => {
  it.each([
    [[], 'say what to send'],
    [['a.json', '--count', '5'], 'either files or --count'],
    [['a.json', '--rate', '5'], '--rate counts events'],
    [['--count', '5', '--type', 'opened'], "events of type 'opened' cannot be generated"],
    [['--count', '0'], 'whole number from 1'],
    [['--count', '5', '--provider', 'mailingapi', '--batch-size', '2'], 'one event in a request'],
  ])('refuses %j', async (argv, problem) => {
    const { exitCode, err } = await runCommand(['send', ...argv], { env })
    expect(exitCode).toBe(2)
    expect(err).toContain(problem)
    expect(err).toContain('Try: mailtrap-receiver send --help')
  })
})
