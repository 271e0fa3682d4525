import { describe, expect, it } from 'vitest'
import { createManagementApi } from '../../src/guardian/management-api.ts'
import type { ManagementFailure } from '../../src/guardian/management-failure.ts'
import { findFreePort } from '../http/find-free-port.ts'
import { type FakeMailtrap, startFakeMailtrap, TOKEN, webhook } from './fake-mailtrap.ts'

function createApi({ url }: Pick<FakeMailtrap, 'url'>, changes = {}) {
  const { signal } = new AbortController()
  return createManagementApi({ url, token: TOKEN, accountId: undefined, signal, ...changes })
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
    expect(await api.list()).toEqual([
      {
        id: 9001,
        url: 'https://hooks.example.com/webhooks/mailtrap',
        isActive: false,
        type: 'email_sending',
        format: 'json',
        eventTypes: ['bounce', 'delivery'],
      },
    ])
    await api.resume(9001)
    expect(fake.webhooks[0]?.active).toBe(true)
    expect(fake.calls).toEqual([`GET ${path}`, `PATCH ${path}/9001`])
  })

  it('reads webhooks that lack keys, and skips what is none', async () => {
    const fake = await startFakeMailtrap()
    fake.answer = { status: 200, body: { data: [{ id: 1 }, null, { id: '2' }, 'x'] } }
    expect(await createApi(fake).list()).toMatchObject([{ id: 1, url: '', isActive: true }])
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
    [400, { success: false, errors: ['one', 'two'] }, 'refused', 'one; two'],
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
