import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { onTestFinished } from '../on-test-finished.ts'
import { startSimulator, TOKEN } from '../simulator/start-simulator.ts'
import { runCommand } from './run-command.ts'

const URL = 'https://hooks.example.com/webhooks/mailtrap'
const OLD = '0'.repeat(32)

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

async function start(env: Record<string, string> = {}) {
  const folder = makeFolder()
  const { url, ...simulated } = await startSimulator({ account: '4711' })
  const all = {
    MAILTRAP_API_TOKEN: TOKEN,
    MAILINGAPI_API_TOKEN: TOKEN,
    MAILTRAP_API_URL: url,
    DATA_DIR: folder,
    ...env,
  }
  const run = (...argv: string[]) => runCommand(['webhooks', ...argv], { env: all })
  return { ...simulated, run, folder, url, file: join(folder, 'mailtrap-signing-secret') }
}

const create = ['create', '--url', URL]
const mailingapi = (url: string) => ['--provider', 'mailingapi', '--api-url', url]

describe('mailtrap-receiver webhooks create', () => {
  it('keeps the secret where only its owner can read it, and says what to do next', async () => {
    const { run, file, simulator } = await start()
    const { exitCode, out, err } = await run(...create)
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    const secret = simulator.state().webhooks[0]!.secret
    expect(readFileSync(file, 'utf8')).toBe(`${secret}\n`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(out).toContain('id               9001'.replace(/ +/, '              '))
    expect(out).toContain(`Its signing secret is in ${file}, readable by you only.`)
    expect(out).toContain(`MAILTRAP_SIGNING_SECRET_FILE=${file} npx mailtrap-receiver`)
    expect(out).not.toContain(secret)
  })

  it('puts it before those of other webhooks, in the file that the receiver reads', async () => {
    const read = join(makeFolder(), 'secrets')
    writeFileSync(read, `${OLD}\n`)
    const { run, simulator } = await start({ MAILTRAP_SIGNING_SECRET_FILE: read })
    const { out } = await run(...create, '--account', '4711')
    const secret = simulator.state().webhooks[0]!.secret
    expect(readFileSync(read, 'utf8')).toBe(`${secret},${OLD}\n`)
    expect(statSync(read).mode & 0o777).toBe(0o600)
    expect(out).toContain('a running receiver has it within a second')
  })

  it('creates what its options say', async () => {
    const { run } = await start()
    const options = [
      '--stream',
      'bulk',
      '--events',
      'bounce,spam_complaint',
      '--format',
      'jsonlines',
    ]
    const { out } = await run(...create, ...options, '--domain', '12', '--json')
    const { secret_file: file, ...webhook } = JSON.parse(out)
    expect(webhook).toEqual({
      id: 9001,
      url: URL,
      active: true,
      webhook_type: 'email_sending',
      payload_format: 'jsonlines',
      sending_stream: 'bulk',
      domain_id: 12,
      event_types: ['bounce', 'spam_complaint'],
    })
    expect(file).toContain('mailtrap-signing-secret')
    const audit = await run(...create, '--type', 'audit_log', '--json')
    expect(JSON.parse(audit.out)).toMatchObject({ webhook_type: 'audit_log' })
    const inbound = await run(...create, '--type', 'inbound_receiving', '--inbox', '77', '--json')
    expect(JSON.parse(inbound.out)).toMatchObject({ inbound_inbox_id: 77 })
  })

  it('creates nothing when the secret could not be kept', async () => {
    const { run, simulator } = await start()
    const { exitCode, err } = await run(...create, '--secret-file', '/dev/null/secret')
    expect(exitCode).toBe(1)
    expect(err).toContain(
      'could not be kept in /dev/null/secret (ENOTDIR), so no webhook was created',
    )
    expect(simulator.state().webhooks).toEqual([])
  })

  it('works for MailingAPI too', async () => {
    const { run, url, folder, simulator } = await start()
    const { exitCode, out } = await run(...create, ...mailingapi(url), '--description', 'mine')
    expect(exitCode).toBe(0)
    expect(out).toContain('status       active')
    const file = join(folder, 'mailingapi-signing-secret')
    expect(readFileSync(file, 'utf8')).toBe(`${simulator.state().webhooks[0]!.secret}\n`)
    expect(out).toContain(`MAILINGAPI_SIGNING_SECRET_FILE=${file}`)
  })
})

describe('mailtrap-receiver webhooks', () => {
  it('lists, shows, changes, pauses, resumes and deletes', async () => {
    const { run } = await start()
    expect((await run('list')).err).toBe('There are no webhooks.\n')
    await run(...create)
    expect((await run('list')).out).toMatch(/^ID +STATE +TYPE .*\n9001 +active +email_sending /)
    expect(JSON.parse((await run('list', '--json')).out)).toMatchObject([{ id: 9001 }])
    expect((await run('get', '9001')).out).toMatch(/^inbound_inbox_id +-$/m)
    const other = 'https://hooks.example.com/other'
    expect((await run('update', '9001', '--url', other)).out).toContain(other)
    expect((await run('pause', '9001')).out).toMatch(/^active +false$/m)
    expect((await run('list')).out).toContain('9001  paused')
    expect((await run('resume', '9001')).out).toMatch(/^active +true$/m)
    expect((await run('delete', '9001', '--account', '4711')).exitCode).toBe(0)
    expect(JSON.parse((await run('list', '--json')).out)).toEqual([])
  })

  it('does the same for MailingAPI', async () => {
    const { run, url, simulator } = await start()
    const at = mailingapi(url)
    await run(...create, ...at)
    const id = String(simulator.state().webhooks[0]!.id)
    expect((await run('list', ...at)).out).toMatch(
      /^ID +STATE +EVENTS +URL\nwh_\w+ +active +delivered, /,
    )
    expect((await run('get', id, ...at)).out).toMatch(/^stats\.total_sent +0$/m)
    expect((await run('update', id, '--events', 'bounced', ...at)).out).toMatch(
      /^events +bounced$/m,
    )
    expect((await run('pause', id, ...at)).out).toMatch(/^status +paused$/m)
    expect((await run('resume', id, ...at)).out).toMatch(/^status +active$/m)
    const refused = await run('create', '--url', 'http://hooks.example.com', ...at)
    expect(refused.err).toContain('MailingAPI does not take it: invalid_url: ')
    simulator.change({ ...simulator.senders.ofProvider('mailingapi')[0]!, status: 'disabled' })
    expect((await run('resume', id, ...at)).err).toContain(
      'MailingAPI does not take it: webhook_disabled: The webhook is disabled.',
    )
    expect((await run('delete', id, ...at)).out).toBe(`${id} is deleted.\n`)
    const { exitCode, err } = await run('get', id, ...at)
    expect(exitCode).toBe(1)
    expect(err).toContain(`MailingAPI has no webhook ${id} (webhook_not_found: There is no such`)
    const away = await run('list', ...mailingapi('http://127.0.0.1:2'))
    expect(away.err).toContain('No API answers at http://127.0.0.1:2 (ECONNREFUSED)')
  })

  it('reads the token from a file, and says which setting is missing', async () => {
    const { run, folder } = await start({ MAILTRAP_API_TOKEN: '' })
    const missing = await run('list')
    expect(missing.exitCode).toBe(78)
    expect(missing.err).toContain('There is no API token. Set MAILTRAP_API_TOKEN, or')
    const file = join(folder, 'token')
    writeFileSync(file, `${TOKEN}\n`)
    chmodSync(file, 0o600)
    expect((await run('list', '--token-file', file)).exitCode).toBe(0)
    writeFileSync(file, 'another\n')
    const { exitCode, err } = await run('list', '--token-file', file, '--json')
    expect(exitCode).toBe(1)
    expect(JSON.parse(err).message).toBe(
      "Mailtrap does not accept the API token (Incorrect API token). Check MAILTRAP_API_TOKEN: it may be mistyped or expired, or a sending domain's, where an account's is wanted.",
    )
    expect(err).not.toContain('another')
  })

  it('asks for the account that the environment names', async () => {
    const { run } = await start({ MAILTRAP_ACCOUNT_ID: '12' })
    expect((await run('list')).err).toContain('to the account 12 (Account access forbidden)')
    expect((await run('list', '--account', '4711')).exitCode).toBe(0)
    const wrong = await start({ MAILTRAP_ACCOUNT_ID: 'mine' })
    expect((await wrong.run('list')).exitCode).toBe(78)
  })

  it.each([
    [['create'], "required option '--url <url>' not specified"],
    [[...create, '--type', 'sending'], 'Allowed choices are email_sending'],
    [[...create, '--provider', 'mailingapi', '--stream', 'bulk'], 'MailingAPI knows no --stream'],
    [[...create, '--description', 'mine'], 'Mailtrap knows no --description'],
    [['update', '9001'], 'Say what to change'],
    [['list', '--account', 'mine'], 'Give the number of the account.'],
    [['get', 'nine'], 'have numbers, and nine is none'],
    [['get'], "missing required argument 'id'"],
  ])('answers %j with exit code 2', async (argv, problem) => {
    const { run } = await start()
    const { exitCode, err } = await run(...argv)
    expect({ exitCode, err }).toEqual({ exitCode: 2, err: expect.stringContaining(problem) })
  })

  it('says per field what the API does not take', async () => {
    const { run } = await start()
    const { exitCode, err } = await run(...create, '--events', 'opened')
    expect(exitCode).toBe(1)
    expect(err).toContain('Mailtrap does not take it: event_types is not included in the list.')
  })
})
