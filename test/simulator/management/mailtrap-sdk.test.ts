import { describe, expect, it } from 'vitest'
import { createMailtrapApi } from '../../../src/guardian/management-api.ts'
import { newWebhook, startSimulator, TOKEN } from '../start-simulator.ts'

const URL = 'https://hooks.example.com/webhooks/mailtrap'
const ACCOUNT = '4711'
const never = new AbortController().signal

/** The official SDK, in both path forms. */
const FORMS: [form: string, account: string | undefined][] = [
  ['/api/webhooks', undefined],
  ['/api/accounts/4711/webhooks', ACCOUNT],
]

describe.each(FORMS)('the official SDK, asking under %s', (_form, account) => {
  async function start(options: Parameters<typeof startSimulator>[0] & { sent?: string } = {}) {
    const { sent = TOKEN, ...others } = options
    const started = await startSimulator({ account: ACCOUNT, ...others })
    const access = { token: sent, accountId: account, url: `${started.url}/` }
    const api = createMailtrapApi({ ...access, signal: never })
    return { ...started, api }
  }
  const { webhook } = newWebhook(URL)

  it('creates, lists, gets, changes, pauses, resumes and deletes', async () => {
    // Another account than this would be forbidden, so the path is the right one.
    const { api } = await start()
    expect(await api.list()).toEqual([])
    const { webhook: created, secret } = await api.create(webhook)
    expect(secret).toMatch(/^[0-9a-f]{32}$/)
    expect(created).toEqual({
      id: 9001,
      url: URL,
      active: true,
      webhook_type: 'email_sending',
      payload_format: 'json',
      sending_stream: 'transactional',
      domain_id: null,
      event_types: webhook.event_types,
    })
    expect(await api.list()).toEqual([created])
    expect(await api.get('9001')).toEqual({ ...created, inbound_inbox_id: null })
    const changed = { ...created, payload_format: 'jsonlines', event_types: ['bounce'] }
    expect(
      await api.update('9001', { payload_format: 'jsonlines', event_types: ['bounce'] }),
    ).toEqual(changed)
    expect(await api.update('9001', api.changeTo.paused)).toEqual({ ...changed, active: false })
    expect(await api.update('9001', api.changeTo.active)).toEqual(changed)
    expect(await api.delete('9001')).toEqual(changed)
    expect(await api.list()).toEqual([])
  })

  it('says that the token is wrong', async () => {
    const { api } = await start({ sent: 'stolen' })
    await expect(api.list()).rejects.toThrow(
      "Mailtrap does not accept the API token (Incorrect API token). Check MAILTRAP_API_TOKEN: it may be mistyped or expired, or a sending domain's, where an account's is wanted.",
    )
  })

  it('says that there is no such webhook', async () => {
    const { api } = await start()
    const problem = 'Mailtrap has no webhook 77 (Not Found). mailtrap-receiver webhooks list shows'
    await expect(api.get('77')).rejects.toThrow(problem)
    await expect(api.update('77', { active: true })).rejects.toThrow(problem)
    await expect(api.delete('77')).rejects.toThrow(problem)
  })

  it('says of each field what is wrong with it', async () => {
    const { api } = await start()
    await expect(api.create({ url: '', webhook_type: 'email_sending' })).rejects.toThrow(
      "Mailtrap does not take it: url can't be blank, is invalid; sending_stream can't be blank; event_types can't be blank.",
    )
    await api.create(webhook)
    await expect(api.update('9001', { url: 'ftp://x', event_types: ['opened'] })).rejects.toThrow(
      'url is invalid; event_types is not included in the list.',
    )
  })

  it('says how long to wait when it was asked too often', async () => {
    const { api, call } = await start({ elapsedMs: () => 0 })
    await Promise.all(Array.from({ length: 150 }, () => call('GET', '/api/webhooks')))
    await expect(api.list()).rejects.toThrow(
      'Mailtrap was asked too often (Rate limit exceeded). Wait 10 seconds, then try again.',
    )
  })

  it('passes over what cannot be changed', async () => {
    const { api } = await start()
    const { webhook: created } = await api.create(webhook)
    const immutable = { webhook_type: 'campaigns', sending_stream: 'bulk', domain_id: 5 }
    expect(await api.update('9001', immutable)).toEqual(created)
  })
})

describe('the official SDK', () => {
  it('is told that the account is another’s', async () => {
    const { url } = await startSimulator({ account: ACCOUNT })
    const api = createMailtrapApi({ token: TOKEN, accountId: '12', url, signal: never })
    await expect(api.list()).rejects.toThrow(
      'Mailtrap does not let this API token in to the account 12 (Account access forbidden).',
    )
  })

  it('says when nobody answers', async () => {
    const apiUrl = 'http://127.0.0.1:1'
    const api = createMailtrapApi({
      token: TOKEN,
      accountId: undefined,
      url: apiUrl,
      signal: never,
    })
    await expect(api.list()).rejects.toThrow(`No API answers at ${apiUrl} (ECONNREFUSED).`)
  })
})

describe('the token of the simulated account', () => {
  it('ends when it was said, which is told under an account, and is refused from then on', async () => {
    const endsAt = Date.UTC(2026, 6, 1)
    let now = endsAt - 1
    const { url } = await startSimulator({
      account: ACCOUNT,
      tokenEndsAt: endsAt,
      now: () => now,
    })
    const ask = (accountId: string | undefined) =>
      createMailtrapApi({ token: TOKEN, accountId, url, signal: never })
    expect(await ask(ACCOUNT).tokenExpiry()).toBe(endsAt)
    expect(await ask(undefined).tokenExpiry()).toBeUndefined()
    expect(await ask(ACCOUNT).list()).toEqual([])
    now = endsAt
    await expect(ask(ACCOUNT).list()).rejects.toThrow(/Incorrect API token.*expired/)
  })

  it('never ends unless that is said', async () => {
    const { url, call } = await startSimulator({ account: ACCOUNT })
    const api = createMailtrapApi({ token: TOKEN, accountId: ACCOUNT, url, signal: never })
    expect(await api.tokenExpiry()).toBeUndefined()
    const { body } = await call('GET', '/api/accounts/4711/api_tokens')
    expect(body).toMatchObject([{ last_4_digits: TOKEN.slice(-4), expires_at: null }])
  })
})
