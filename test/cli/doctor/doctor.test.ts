import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckResult } from '../../../src/cli/doctor.ts'
import { openDriver } from '../../../src/store/sqlite/driver.ts'
import { startFakeMailtrap, TOKEN, webhook } from '../../guardian/fake-mailtrap.ts'
import { findFreePort } from '../../receive/find-free-port.ts'
import { SECRET } from '../../receive/start-server.ts'
import { startApp, type TestApp } from '../../system/start-app.ts'
import { runCommand } from '../run-command.ts'
import * as pem from './certificates.ts'
import { type ProxyFaults, startProxy } from './start-proxy.ts'

const URL_TOKEN = 'ticket-of-the-tests'
const BASIC_AUTH = 'user:password-of-the-tests'

let app: TestApp
let caFile: string
const env: Record<string, string> = {
  MAILTRAP_SIGNING_SECRET: SECRET,
  MAILINGAPI_SIGNING_SECRET: SECRET,
  URL_TOKEN,
  BASIC_AUTH,
}

beforeAll(async () => {
  app = await startApp({ URL_TOKEN, BASIC_AUTH })
  env['DATA_DIR'] = join(app.folder, 'data')
  caFile = join(app.folder, 'root.pem')
  writeFileSync(caFile, pem.ROOT)
})
afterAll(() => app.stop())

interface Diagnosis {
  readonly exitCode: number
  readonly ok: boolean
  readonly checks: readonly CheckResult[]
  /** The finding of one check. */
  of(check: string): CheckResult
  status(check: string): string
}

async function diagnose(
  url: string,
  argv: string[] = [],
  more: Record<string, string> = {},
): Promise<Diagnosis> {
  const all = ['doctor', url, '--json', '--admin-url', app.adminUrl, '--timeout', '10', ...argv]
  const { exitCode, out, err } = await runCommand(all, { env: { ...env, ...more } })
  for (const secret of [SECRET, URL_TOKEN, 'password-of-the-tests', TOKEN]) {
    expect(out + err).not.toContain(secret)
  }
  const { ok, checks } = JSON.parse(out) as Pick<Diagnosis, 'ok' | 'checks'>
  const of = (check: string) =>
    checks.find((one) => one.check === check) ?? expect.fail(`no ${check}`)
  return { exitCode, ok, checks, of, status: (check) => of(check).status }
}

async function diagnoseBehind(
  faults: ProxyFaults,
  argv: string[] = [],
  more = {},
): Promise<Diagnosis> {
  const port = await startProxy(app.port, faults)
  return diagnose(`${faults.tls ? 'https' : 'http'}://127.0.0.1:${port}`, argv, more)
}

describe('doctor, of a receiver that is well', () => {
  it('finds nothing wrong but that this is no public address', async () => {
    const { exitCode, ok, checks } = await diagnose(`http://127.0.0.1:${app.port}`)
    expect([exitCode, ok]).toEqual([0, true])
    expect(checks.map(({ check, status }) => `${check}: ${status}`).slice(0, -1)).toEqual([
      'dns: warning',
      'port: warning',
      'certificate: skipped',
      'health: ok',
      'signature, mailtrap: ok',
      'signature, mailingapi: ok',
      'large batch: ok',
      'clock: ok',
      'proxy headers: skipped',
      'refusals: ok',
      'webhooks: skipped',
      'store: ok',
    ])
  })

  it('leaves one test event of each source, which no handler gets', async () => {
    await diagnose(`http://127.0.0.1:${app.port}`)
    const { events } = await app.api.whenIdle()
    expect(events.by_state).toMatchObject({ unhandled: 2, done: 0, pending: 0, conflict: 0 })
    for (const event of await app.api.events()) expect(event.is_test).toBe(true)
    expect(app.runs()).toEqual([])
    await diagnose(`http://127.0.0.1:${app.port}/webhooks/mailtrap`)
    expect((await app.api.whenIdle()).events.total).toBe(2)
  })

  it('tries only the source of the URL, or the one that is named', async () => {
    const base = `http://127.0.0.1:${app.port}`
    const byUrl = await diagnose(`${base}/webhooks/mailingapi`)
    const byName = await diagnose(base, ['--source', 'mailtrap'])
    const signatures = ({ checks }: Diagnosis) =>
      checks.map(({ check }) => check).filter((check) => check.startsWith('signature'))
    expect(signatures(byUrl)).toEqual(['signature, mailingapi'])
    expect(signatures(byName)).toEqual(['signature, mailtrap'])
  })

  it('takes the URL of the settings, and tells people what it found', async () => {
    const { exitCode, out } = await runCommand(['doctor', '--admin-url', app.adminUrl], {
      env: { ...env, PUBLIC_URL: `http://127.0.0.1:${app.port}` },
    })
    expect(exitCode).toBe(0)
    expect(out).toContain('✓ large batch')
    expect(out).toContain('→ The provider needs a public address.')
    expect(out).toMatch(/0 failures, \d warnings, 3 not checked\.\n$/)
  })
})

describe('doctor, about the certificate', () => {
  it('is content with a whole chain, and with all that comes behind it', async () => {
    const tls = { cert: pem.LEAF + pem.MIDDLE, key: pem.LEAF_KEY }
    const found = await diagnoseBehind({ tls }, ['--ca-file', caFile])
    expect(found.of('certificate')).toMatchObject({
      status: 'ok',
      detail: expect.stringMatching(/valid until 2125-01-01: \d+ days left/),
    })
    expect(found.status('large batch')).toBe('ok')
    expect(found.exitCode).toBe(0)
  })

  it.each([
    ['that has expired', pem.EXPIRED, pem.EXPIRED_KEY, 'expired'],
    ['without the one between', pem.LEAF, pem.LEAF_KEY, 'intermediate'],
    ['for another name', pem.OTHER, pem.OTHER_KEY, 'another name'],
  ])('refuses one %s, and sends nothing over it', async (_title, cert, key, words) => {
    // An answer that is under way is shared: the first one may be of before.
    await app.api.stats()
    const before = (await app.api.stats()).batches
    const found = await diagnoseBehind({ tls: { cert, key } }, ['--ca-file', caFile])
    expect(found.of('certificate')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(words),
      remedy: expect.stringMatching(/\S/),
    })
    expect(found.exitCode).toBe(1)
    expect(found.status('signature')).toBe('skipped')
    const { received, refused } = (await app.api.stats()).batches
    expect([received, refused]).toEqual([before.received, before.refused])
  })

  it('refuses one of an authority that nobody knows, and a port that speaks no TLS', async () => {
    const unknown = await diagnoseBehind({ tls: { cert: pem.EXPIRED, key: pem.EXPIRED_KEY } })
    expect(unknown.status('certificate')).toBe('failed')
    const plain = await startProxy(app.port)
    const found = await diagnose(`https://127.0.0.1:${plain}`)
    expect(found.of('certificate').detail).toContain('No TLS connection')
  })
})

describe('doctor, about what lies between', () => {
  it('finds a redirect', async () => {
    const location = 'https://hooks.example.com/webhooks/mailtrap'
    const found = await diagnoseBehind({ answer: { status: 301, headers: { location } } })
    expect(found.of('signature, mailtrap')).toMatchObject({
      status: 'failed',
      detail: `Answered 301, a redirect to ${location}.`,
    })
    expect(found.status('health')).toBe('failed')
    expect(found.exitCode).toBe(1)
  })

  it.each([[false], [true]])('finds a limit on bodies, also when it cuts (%s)', async (cuts) => {
    const found = await diagnoseBehind({ maxBytes: 1_000_000, cuts })
    expect(found.of('large batch')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('client_max_body_size'),
    })
    expect(found.status('signature, mailtrap')).toBe('ok')
  })

  it.each([
    ['mailtrap-signature', 'The signature header did not arrive'],
    ['authorization', 'The Authorization header did not arrive'],
  ])('finds that %s is stripped, by what the receiver counted', async (header, words) => {
    const found = await diagnoseBehind({ strips: [header] })
    expect(found.of('signature, mailtrap')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining(words),
    })
  })

  it('finds that the query is dropped', async () => {
    const found = await diagnoseBehind({ path: (path) => path.replace(/\?.*/, '') })
    expect(found.of('signature, mailtrap').detail).toContain('The query did not arrive')
  })

  it('finds another secret, or a changed body', async () => {
    const other = { MAILTRAP_SIGNING_SECRET: 'f'.repeat(32) }
    const found = await diagnose(`http://127.0.0.1:${app.port}`, [], other)
    expect(found.of('signature, mailtrap').detail).toContain('does not fit the body')
    expect(found.status('signature, mailingapi')).toBe('ok')
  })

  it('tells a wrong clock from a wrong secret, with the difference', async () => {
    const argv = ['doctor', `http://127.0.0.1:${app.port}`, '--json', '--admin-url', app.adminUrl]
    const now = () => Date.now() + 900_000
    const { out } = await runCommand(argv, { env, now })
    const found = (JSON.parse(out).checks as CheckResult[]).find(
      ({ check }) => check === 'signature, mailingapi',
    )
    expect(found).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/genuine, but its time .* That is \d+ s behind this machine’s/),
      remedy: expect.stringContaining('NTP'),
    })
    const later = await diagnose(`http://127.0.0.1:${app.port}`)
    expect(later.of('refusals')).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/^\d refused as signature_time\. /),
      remedy: expect.stringContaining('clocks'),
    })
  })

  it('names all causes of a 401 where the receiver cannot be asked', async () => {
    const closed = `http://127.0.0.1:${await findFreePort()}`
    const port = await startProxy(app.port, { strips: ['mailtrap-signature'] })
    const found = await diagnose(`http://127.0.0.1:${port}`, ['--admin-url', closed])
    expect(found.of('signature, mailtrap')).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('--admin-url'),
    })
  })

  it('is not deceived by something that answers 200 to everything', async () => {
    const ok = await diagnoseBehind({ answer: { status: 200, text: 'OK' } })
    expect(ok.of('signature, mailtrap').detail).toContain('not by the receiver')
    const text = '{"status":"received","batch":"1"}'
    const mock = await diagnoseBehind({ answer: { status: 200, text } })
    expect(mock.of('signature, mailtrap')).toMatchObject({
      status: 'failed',
      detail: 'A batch with a forged signature is answered 200 instead of 401.',
    })
  })

  it('finds a clock that is wrong', async () => {
    const anHourAgo = () => new Date(Date.now() - 3_600_000).toUTCString()
    const found = await diagnoseBehind({
      answers: (headers) => ({ ...headers, date: anHourAgo() }),
    })
    expect(found.of('clock')).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/ (359\d|36[0-5]\d) s behind this machine’s/),
    })
  })
})

describe('doctor, about addresses that are only claimed', () => {
  const LISTED = { ALLOW_IPS: '127.0.0.1' }
  const check = async (receiver: Record<string, string>, own: Record<string, string>) => {
    const other = await startApp({ URL_TOKEN, BASIC_AUTH, ...receiver })
    const argv = ['--admin-url', other.adminUrl]
    const found = await diagnose(`http://127.0.0.1:${other.port}`, argv, own)
    await other.stop()
    return found.of('proxy headers')
  }

  it('is content with a receiver that does not believe them', async () => {
    expect((await check(LISTED, LISTED)).status).toBe('ok')
  })

  it('finds one that believes whoever claims one', async () => {
    expect(await check({ ...LISTED, TRUST_PROXY: '127.0.0.0/8' }, LISTED)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('ALLOW_IPS is worth nothing'),
    })
  })

  it('does not mind when it runs on a trusted machine itself', async () => {
    const trusted = { ...LISTED, TRUST_PROXY: '127.0.0.0/8' }
    expect(await check(trusted, trusted)).toMatchObject({
      status: 'skipped',
      detail: expect.stringContaining('TRUST_PROXY'),
    })
  })
})

describe('doctor, of a receiver that cannot be reached', () => {
  it('finds a name without an address, and a port without anybody', async () => {
    const unknown = await diagnose('https://no-such-host.invalid')
    expect(unknown.of('dns')).toMatchObject({ status: 'failed' })
    expect(unknown.status('signature')).toBe('skipped')
    const closed = await diagnose(`http://127.0.0.1:${await findFreePort()}`)
    expect(closed.of('port').detail).toContain('ECONNREFUSED')
    expect(closed.exitCode).toBe(1)
  })

  it('says what it needs to know', async () => {
    const nowhere = await runCommand(['doctor'], { env })
    expect(nowhere).toMatchObject({ exitCode: 2, err: expect.stringContaining('PUBLIC_URL') })
    const url = `http://127.0.0.1:${app.port}/webhooks/other`
    expect((await runCommand(['doctor', url], { env })).err).toContain('There is no source other')
    const { DATA_DIR = '' } = env
    const { out } = await runCommand(['doctor', `http://127.0.0.1:${app.port}`, '--json'], {
      env: { DATA_DIR },
    })
    expect(JSON.parse(out).checks).toContainEqual({
      check: 'signature',
      status: 'skipped',
      detail: 'No signing secret is known here',
    })
  })
})

describe('doctor, about Mailtrap', () => {
  it('finds what the guardian would', async () => {
    const base = `http://127.0.0.1:${app.port}`
    const url = `http://${BASIC_AUTH}@127.0.0.1:${app.port}/webhooks/mailtrap?token=${URL_TOKEN}`
    const mailtrap = await startFakeMailtrap([webhook({ url })])
    const access = { MAILTRAP_API_TOKEN: TOKEN, MAILTRAP_API_URL: mailtrap.url }
    const fine = await diagnose(base, [], access)
    expect(fine.of('webhooks')).toMatchObject({
      status: 'ok',
      detail: '1 webhook of Mailtrap, active and right',
    })
    expect(fine.of('clock').detail).toBe('The receiver’s clock agrees with the provider’s')

    mailtrap.webhooks[0]!.active = false
    const paused = await diagnose(base, [], access)
    expect(paused.of('webhooks')).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('Webhook 9001: It is paused'),
    })
    mailtrap.answer = { status: 401, body: { error: 'Incorrect API token' } }
    expect((await diagnose(base, [], access)).of('webhooks').detail).toContain(
      'Incorrect API token',
    )
  })
})

describe('doctor, about store and disk', () => {
  it('tells where no database is, and one that another program has changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'doctor-'))
    const url = `http://127.0.0.1:${app.port}`
    const empty = await diagnose(url, [], { DATA_DIR: folder })
    expect(empty.of('store')).toMatchObject({
      status: 'warning',
      remedy: expect.stringContaining('where the receiver runs'),
    })
    const db = await openDriver(join(folder, 'receiver.db'), { isReadOnly: false })
    db.exec('PRAGMA journal_mode = DELETE; CREATE TABLE other (id INTEGER)')
    db.close()
    const changed = await diagnose(url, [], { DATA_DIR: folder })
    expect(changed.of('store').detail).toContain('no write-ahead log')
    rmSync(folder, { recursive: true })
    expect((await diagnose(url, [], { DATA_DIR: folder })).of('disk').detail).toContain('ENOENT')
  })
})
