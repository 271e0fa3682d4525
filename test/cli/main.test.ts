import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { killAndWait } from '../system/receiver-process.ts'

const PATIENCE = { interval: 50 }

interface Started {
  readonly child: ChildProcess
  readonly out: () => string
  readonly err: () => string
  /** The exit code, or the signal that ended it. */
  readonly end: Promise<number | string>
}

const MAIN = resolve('dist/main.js')

/** The built command line in a process of its own, with no more of our environment than it needs. */
function start(
  argv: readonly string[],
  env: Record<string, string> = {},
  cwd = process.cwd(),
): Started {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => killAndWait(child))
  const written = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (part) => {
    written.out += part
  })
  child.stderr.setEncoding('utf8').on('data', (part) => {
    written.err += part
  })
  const end = once(child, 'close').then(([code, signal]) => code ?? signal)
  return { child, out: () => written.out, err: () => written.err, end }
}

async function startDevelopment() {
  const dataDir = await mkdtemp(join(tmpdir(), 'main-test-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }))
  const env = { DATA_DIR: dataDir, HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0' }
  const receiver = start(['serve', '--dev'], { ...env, HANDLERS: 'built-in:log' })
  const readReady = () => receiver.out().match(/\{.*"public_url".*\}/)?.[0] ?? ''
  await expect.poll(readReady, PATIENCE).not.toBe('')
  const { public_url: url, admin_url: adminUrl } = JSON.parse(readReady())
  return { ...receiver, dataDir, url: String(url), adminUrl: String(adminUrl) }
}

describe('the process', { concurrent: true }, () => {
  it.each([
    [['stats', '--admin-url', 'http://127.0.0.1:9'], {}, 1],
    [['send', '--nonsense'], {}, 2],
    [['serve'], { PORT: 'many' }, 78],
  ])('ends %j with %j in %d', async (argv, env: Record<string, string>, exitCode) => {
    expect(await start(argv, env).end).toBe(exitCode)
  })

  // Below /proc no folder can be made, whoever asks; Node's own way of making one never returns.
  it.skipIf(process.platform !== 'linux').each([
    [['serve', '--dev'], { DATA_DIR: '/proc/x' }],
    [['serve'], { DATA_DIR: '/proc/x/y', MAILTRAP_SIGNING_SECRET: 'a'.repeat(32) }],
    [
      ['serve'],
      { STORE_URL: 'sqlite:/proc/x/receiver.db', MAILTRAP_SIGNING_SECRET: 'a'.repeat(32) },
    ],
    [['init', '/proc/x'], {}],
  ])(
    'ends and names the place when no folder can be made there: %j with %j',
    async (argv, given) => {
      const ports = { HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0', HANDLERS: 'built-in:log' }
      const { err, end } = start(argv, { ...ports, ...given } as Record<string, string>, tmpdir())
      expect(await end).toBeGreaterThan(0)
      expect(err()).toMatch(/error: .*\/proc\/x/s)
    },
  )

  it.each([
    [{ HOST: 'no-such-host.invalid' }, 'HOST is no-such-host.invalid, a name'],
    [{ HOST: '203.0.113.9' }, 'HOST is 203.0.113.9, no address of this machine (EADDRNOTAVAIL).'],
    [
      { ADMIN_HOST: 'no-such-host.invalid', ADMIN_PASSWORD: 'long enough' },
      'ADMIN_HOST is no-such-host.invalid, a name',
    ],
  ])('ends with 78 and the name of the setting when it cannot listen: %j', async (given, text) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'main-test-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }))
    const common = { DATA_DIR: dataDir, HOST: '127.0.0.1', PORT: '0', ADMIN_PORT: '0' }
    const env = { ...common, HANDLERS: 'built-in:log', ...(given as Record<string, string>) }
    const { end, err } = start(['serve', '--dev'], env)
    expect(await end).toBe(78)
    expect(err()).toContain(`Settings are wrong:\n  ${text}`)
    expect(err()).not.toMatch(/^ +at /m)
  })

  it.each([MAIN, resolve('.build.mjs')])(
    'says which Node it needs when it runs in an older one: %s',
    async (program) => {
      const { engines } = JSON.parse(await readFile('package.json', 'utf8'))
      const older = `Object.defineProperty(process, 'versions', { value: { node: '20.18.3' } })`
      const flags = ['--import', `data:text/javascript,${encodeURIComponent(older)}`]
      const child = spawn(process.execPath, [...flags, program, 'check'], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
      expect({ err, code }).toEqual({
        err: `error: This is Node 20.18.3, and ${engines.node.slice(2)} is the oldest that will do. Install a newer one.\n`,
        code: 1,
      })
    },
  )

  it('runs for development, takes what send signs, shows it, and stops when asked', async () => {
    const { child, dataDir, url, adminUrl, err, end } = await startDevelopment()
    await expect.poll(err, PATIENCE).toContain('npx mailtrap-receiver send --count 100 --url')
    const secret = (await readFile(join(dataDir, 'dev-secret'), 'utf8')).trim()
    expect(err()).toContain(`MAILTRAP_SIGNING_SECRET=${secret} `)
    expect((await stat(join(dataDir, 'dev-secret'))).mode & 0o777).toBe(0o600)

    const follow = start(['events', '--follow', '--json', '--admin-url', adminUrl])
    await expect.poll(follow.err, PATIENCE).toContain('Waiting for events')
    const send = start(['send', '--count', '25', '--url', `${url}/webhooks/mailtrap`, '--json'], {
      DATA_DIR: dataDir,
    })
    expect(await send.end).toBe(0)
    expect(JSON.parse(send.out())).toMatchObject({ batches: 1, events: 25, answers: { 200: 1 } })

    const count = async () => {
      const answer = await fetch(`${adminUrl}/api/stats`)
      const { events } = (await answer.json()) as { events: { by_state: { done: number } } }
      return events.by_state.done
    }
    await expect.poll(count, PATIENCE).toBe(25)
    await expect.poll(() => follow.out().trimEnd().split('\n').length, PATIENCE).toBe(25)
    follow.child.kill('SIGINT')
    expect(await follow.end).toBe(0)
    const events = start(['events', '--all', '--json', '--admin-url', adminUrl])
    expect(await events.end).toBe(0)
    expect(events.out().trimEnd().split('\n')).toHaveLength(25)

    child.kill('SIGTERM')
    expect(await end).toBe(0)
  })

  it('reads the .env of its folder below its own environment, and names it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'main-test-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    const secret = 'b'.repeat(32)
    const lines = [`MAILTRAP_SIGNING_SECRET=${secret}`, 'HOST=127.0.0.1', 'PORT=many']
    await writeFile(join(folder, '.env'), `${lines.join('\n')}\nHANDLERS=built-in:log\n`)
    const { child, out, err, end } = start(['serve'], { PORT: '0', ADMIN_PORT: 'off' }, folder)
    await expect.poll(out, PATIENCE).toContain(`"env_file":"${join(folder, '.env')}"`)
    expect(out() + err()).not.toContain(secret)
    child.kill('SIGTERM')
    child.kill('SIGTERM')
    await end
    const check = start(['check', '--json'], {}, folder)
    expect(await check.end).toBe(78)
    expect(check.err()).toContain('PORT')
  })

  it('asks no receiver when the .env of its folder, which may name one, cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'main-test-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
    await writeFile(join(folder, '.env'), Buffer.from('\uFEFFADMIN_PORT=9\r\n', 'utf16le'))
    const stats = start(['stats', '--json'], {}, folder)
    expect(await stats.end).toBe(78)
    expect(JSON.parse(stats.err())).toMatchObject({
      error: 'invalid_settings',
      problems: [{ setting: '.env', problem: 'is not written in UTF-8' }],
    })
    expect(await start(['init', 'own'], {}, folder).end).toBe(0)
  })

  it('ends at once when it is asked twice', async () => {
    const { child, err, end } = await startDevelopment()
    child.kill('SIGTERM')
    child.kill('SIGINT')
    expect(await end).toBe(1)
    // Who takes longer, as on a machine that has much else to do, is cut off, and says so.
    expect(err()).toMatch(/Stopped at once, as asked|had not ended within 4 s/)
  })

  it('takes it quietly when its reader goes away', async () => {
    const command = `"${process.execPath}" "${MAIN}" --help | true; echo done`
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect({ out, err }).toEqual({ out: 'done\n', err: '' })
  })
})
