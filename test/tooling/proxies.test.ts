import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleEvent, signedRequest } from 'mailtrap-receiver/testing'
import { describe, expect, it, vi } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { findFreePort } from '../receive/find-free-port.ts'
import { createAdminApi } from '../system/admin-api.ts'
import { IS_LONG } from '../system/long-runs.ts'
import { type ReceiverProcess, SECRET, startReceiver } from '../system/receiver-process.ts'
import { readDeployed } from './deploy-files.ts'

/*
 * Debian's nginx and HAProxy, where they are installed, in front of real receivers: what the files of
 * `fixtures/deploy` promise. `apt-get install nginx-light haproxy` brings them. In CI they would take a
 * minute with each Node: there only with `LONG_RUNS=1`.
 */

const PATIENCE = { interval: 50 }
const PATH = `${process.env['PATH']}:/usr/sbin`

function mayRun(program: string): boolean {
  const isHere = spawnSync(program, ['-v'], { env: { PATH } }).status === 0
  const isTime = process.env['CI'] !== 'true' || IS_LONG
  const why = isHere ? 'which takes LONG_RUNS=1 in CI' : 'which is not here'
  if (!isHere || !isTime) process.stderr.write(`SKIPPED: tests with ${program}, ${why}\n`)
  return isHere && isTime
}

interface Proxy {
  readonly port: number
  readonly child: ChildProcess
  readonly printed: () => string
}

/** In the foreground; ends with the test. */
async function startProxy(program: string, args: readonly string[], port: number): Promise<Proxy> {
  const child = spawn(program, args, { env: { PATH }, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(async () => {
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGTERM')) await ended
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      text += part
    })
  }
  const printed = () => text
  await vi.waitFor(async () => {
    expect(child.exitCode, text).toBeNull()
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
    expect(answer.status, text).toBe(200)
  }, PATIENCE)
  return { port, child, printed }
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** The file of `fixtures/deploy`, with ports of ours and without what only root may write. */
async function startNginx(receivers: readonly ReceiverProcess[]): Promise<Proxy> {
  const folder = makeFolder()
  const port = await findFreePort()
  const [first = '', second = ''] = receivers.map(({ publicUrl }) => new URL(publicUrl).host)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  )
  const conf = readDeployed('nginx.conf')
    .replace('receiver-1:3000', first)
    .replace('receiver-2:3000', second)
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
    .replace('http {', `http {\n  access_log off;\n  ${temporary.join('\n  ')}`)
  const file = join(folder, 'nginx.conf')
  const main = `daemon off;\nmaster_process off;\npid ${join(folder, 'pid')};\nerror_log stderr;\n`
  writeFileSync(file, main + conf)
  return startProxy('nginx', ['-p', folder, '-c', file, '-e', 'stderr'], port)
}

/** As the book says that it is to be: its own idle time, and the address of the client. */
async function startHaproxy(receivers: readonly ReceiverProcess[]): Promise<Proxy> {
  const port = await findFreePort()
  const servers = receivers.map(
    ({ publicUrl }, index) =>
      `  server receiver-${index} ${new URL(publicUrl).host} check inter 200`,
  )
  const conf = [
    ...['defaults', '  mode http', '  timeout connect 2s', '  timeout client 30s'],
    ...['  timeout server 12s', '  option redispatch', '  http-reuse always'],
    ...['  retry-on all-retryable-errors', '  retries 2', 'frontend webhooks'],
    ...[`  bind 127.0.0.1:${port}`, '  http-request set-header X-Forwarded-For %[src]'],
    ...['  default_backend receivers', 'backend receivers', '  option httpchk GET /readyz'],
    ...servers,
    '',
  ]
  const file = join(makeFolder(), 'haproxy.cfg')
  writeFileSync(file, conf.join('\n'))
  return startProxy('haproxy', ['-db', '-f', file], port)
}

async function startReceivers(): Promise<ReceiverProcess[]> {
  const env = { HANDLERS: new URL('../system/handlers/recorder.mjs', import.meta.url).pathname }
  return Promise.all(
    [1, 2].map(() =>
      startReceiver({
        ...env,
        RUNS_FILE: '/dev/null',
        DATA_DIR: makeFolder(),
        TRUST_PROXY: '127.0.0.1/32',
      }),
    ),
  )
}

async function countEvents(receivers: readonly ReceiverProcess[]): Promise<number> {
  const lists = await Promise.all(receivers.map(({ adminUrl }) => createAdminApi(adminUrl).stats()))
  return lists.reduce((sum, { events }) => sum + events.total, 0)
}

const makeBatch = (events: number, padding = 0) =>
  signedRequest(
    Array.from({ length: events }, () =>
      sampleEvent('open', { event_id: crypto.randomUUID(), category: 'x'.repeat(padding) }),
    ),
    { secret: SECRET },
  )

describe.skipIf(!mayRun('nginx'))('behind nginx', () => behind(startNginx))
describe.skipIf(!mayRun('haproxy'))('behind HAProxy', () => behind(startHaproxy))

function behind(startIt: typeof startNginx): void {
  it('takes batches over kept connections, whole and in chunks, up to what it promises', async () => {
    const receivers = await startReceivers()
    const { port, printed } = await startIt(receivers)
    const url = (request: { url: string }) => `http://127.0.0.1:${port}${request.url}`
    const small = Array.from({ length: 40 }, () => makeBatch(5))
    const answers = await Promise.all(small.map((request) => fetch(url(request), request)))
    expect(
      answers.map(({ status }) => status),
      printed(),
    ).toEqual(small.map(() => 200))

    // Without a length: in chunks, as some senders do.
    const chunked = makeBatch(50)
    const halves = [chunked.body.slice(0, 1_000), chunked.body.slice(1_000)]
    const { body: _, ...head } = chunked
    const stream = new ReadableStream({
      pull(control) {
        const part = halves.shift()
        if (part === undefined) control.close()
        else control.enqueue(typeof part === 'string' ? Buffer.from(part) : part)
      },
    })
    const inChunks = await fetch(url(chunked), {
      ...head,
      body: stream,
      duplex: 'half',
    } as RequestInit)
    expect(inChunks.status, printed()).toBe(200)

    // As large as batches of the provider are at most, with room to spare; and what nobody takes.
    const large = makeBatch(500, 15_000)
    expect(large.body.length).toBeGreaterThan(7_000_000)
    expect((await fetch(url(large), large)).status, printed()).toBe(200)
    const huge = makeBatch(500, 21_000)
    expect(huge.body.length).toBeGreaterThan(10_400_000)
    const refused = await fetch(url(huge), huge).then(
      ({ status }) => status,
      () => undefined,
    )
    // The connection may be closed while the rest is on its way: then the balancer says so by itself.
    expect([413, 502, undefined]).toContain(refused)
    await vi.waitFor(
      async () => expect(await countEvents(receivers)).toBe(40 * 5 + 50 + 500),
      PATIENCE,
    )
  })

  it('answers 200 while one receiver ends, and then only the other is there', async () => {
    const receivers = await startReceivers()
    const { port, printed } = await startIt(receivers)
    const statuses: number[] = []
    let isOver = false
    const sending = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isOver) {
          const request = makeBatch(2)
          statuses.push((await fetch(`http://127.0.0.1:${port}${request.url}`, request)).status)
        }
      }),
    )
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(20), PATIENCE)
    receivers[0]?.child.kill('SIGTERM')
    expect(await receivers[0]?.ended).toBe(0)
    const soFar = statuses.length
    await vi.waitFor(() => expect(statuses.length).toBeGreaterThan(soFar + 20), PATIENCE)
    isOver = true
    await sending
    expect(
      statuses.filter((status) => status !== 200),
      printed(),
    ).toEqual([])
  })

  it('sees the address of the client, and nothing that the client claims', async () => {
    const [receiver] = await startReceivers()
    const { port } = await startIt([receiver!, receiver!])
    const request = { ...makeBatch(1) }
    const headers = {
      ...request.headers,
      'mailtrap-signature': '0'.repeat(64),
      'x-forwarded-for': '192.0.2.77',
    }
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, { ...request, headers })
    expect(answer.status).toBe(401)
    await vi.waitFor(() => expect(receiver?.lines.join()).toContain('request refused'), PATIENCE)
    expect(receiver?.lines.join()).not.toContain('192.0.2')
  })
}
