import { describe, expect, it } from 'vitest'
import { createMailtrapApi } from '../../src/guardian/management-api.ts'
import type { ManagementFailure } from '../../src/guardian/management-failure.ts'
import { findFreePort } from '../receive/find-free-port.ts'
import { type FakeMailtrap, startFakeMailtrap, TOKEN, webhook } from './fake-mailtrap.ts'

function createApi({ url }: Pick<FakeMailtrap, 'url'>, changes = {}) {
  const { signal } = new AbortController()
  return createMailtrapApi({ url, token: TOKEN, accountId: undefined, signal, ...changes })
}

async function failureOf(work: Promise<unknown>): Promise<ManagementFailure> {
  return work.then(
    () => expect.fail('It did not fail.'),
    (error: ManagementFailure) => error,
  )
}

describe('the management API', () => {
  it.each([
    [undefined, '/api/webhooks'],
    ['4711', '/api/accounts/4711/webhooks'],
  ])('is asked with the account %s at %s', async (accountId, path) => {
    const fake = await startFakeMailtrap([webhook({ active: false })])
    const api = createApi(fake, { accountId })
    expect(api.clock()).toBeUndefined()
    expect(await api.list()).toEqual([webhook({ active: false })])
    expect(Math.abs((api.clock() ?? 0) - Date.now())).toBeLessThan(60_000)
    await api.update('9001', api.changeTo.active)
    expect(fake.webhooks[0]?.active).toBe(true)
    expect(fake.calls).toEqual([`GET ${path}`, `PATCH ${path}/9001`])
  })

  it('is asked when the token ends, where it lists tokens', async () => {
    const fake = await startFakeMailtrap()
    const ending = (last_4_digits: unknown, expires_at: unknown) => ({ last_4_digits, expires_at })
    const body = [
      ending('ests', '2027-03-01T00:00:00.000Z'),
      ending('ests', '2027-02-01T00:00:00.000Z'),
      ending('ests', null),
      ending('', '2026-01-01T00:00:00.000Z'),
      ending('else', '2026-01-01T00:00:00.000Z'),
      null,
    ]
    const api = createApi(fake, { accountId: '4711' })
    fake.answer = { status: 200, body }
    expect(await api.tokenExpiry()).toBe(Date.UTC(2027, 1, 1))
    fake.answer = { status: 200, body: { data: body.slice(2) } }
    expect(await api.tokenExpiry()).toBeUndefined()
    fake.answer = { status: 403, body: { errors: 'Account access forbidden' } }
    expect(await api.tokenExpiry()).toBeUndefined()
    expect(fake.calls.at(-1)).toBe('GET /api/accounts/4711/api_tokens')
    expect(await createApi(fake).tokenExpiry()).toBeUndefined()
    expect(fake.calls).toHaveLength(3)
  })

  it.each([
    [401, { error: 'Incorrect API token' }, 'unauthorized', 'Incorrect API token'],
    [403, { errors: 'Account access forbidden' }, 'unauthorized', 'Account access forbidden'],
    [404, { error: 'Not Found' }, 'refused', 'Not Found'],
    [
      422,
      { errors: { url: ["can't be blank", 'is invalid'] } },
      'refused',
      "url can't be blank, is invalid",
    ],
    [400, { success: false, errors: ['one', 'two'] }, 'refused', 'one, two'],
    [302, 'moved', 'refused', '302'],
    [503, '<html>', 'away', '<html>'],
  ])('tells an answer of %i as a sentence', async (status, body, code, detail) => {
    const fake = await startFakeMailtrap()
    fake.answer = { status, body, headers: { location: 'http://127.0.0.1:1/' } }
    const failure = await failureOf(createApi(fake).list())
    expect(failure.code).toBe(code)
    expect(failure.message).toContain(detail)
    expect(failure.message).not.toContain(TOKEN)
  })

  it('hands on how long a 429 asks to wait', async () => {
    const fake = await startFakeMailtrap()
    const body = { errors: 'Rate limit exceeded' }
    fake.answer = { status: 429, body, headers: { 'retry-after': '7' } }
    expect(await failureOf(createApi(fake).list())).toMatchObject({
      code: 'limited',
      retryAfterMs: 7_000,
    })
    fake.answer = { status: 429, body }
    expect((await failureOf(createApi(fake).list())).retryAfterMs).toBeUndefined()
  })

  it('gives up when no answer comes, or nobody is there, or it is something else', async () => {
    const fake = await startFakeMailtrap()
    fake.answer = 'hang'
    const slow = await failureOf(createApi(fake, { timeoutMs: 50 }).list())
    expect(slow).toMatchObject({
      code: 'away',
      message: expect.stringContaining('no answer in time'),
    })
    const nobody = await failureOf(
      createApi({ url: `http://127.0.0.1:${await findFreePort()}` }).list(),
    )
    expect(nobody).toMatchObject({ code: 'away', message: expect.stringContaining('ECONNREFUSED') })
    fake.answer = { status: 200, body: { webhooks: [] } }
    expect((await failureOf(createApi(fake).list())).code).toBe('unreadable')
  })
})
