import { describe, expect, it } from 'vitest'
import { basic, buildAdmin } from '../build-admin.ts'

const PASSWORD = 'correct: horse ☂'
const HOUR_MS = 3_600_000

function setUp() {
  const admin = buildAdmin({ password: PASSWORD })
  const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
    admin.app.inject({ method: 'POST', url, payload, headers })
  const signIn = (password = PASSWORD, headers = {}) => post('/api/login', { password }, headers)
  const cookieOf = (answer: Awaited<ReturnType<typeof signIn>>) =>
    String(answer.headers['set-cookie']).split(';')[0] ?? ''
  const ask = async (cookie: string, headers: Record<string, string> = {}) =>
    (await admin.app.inject({ url: '/api/stats', headers: { cookie, ...headers } })).statusCode
  return { ...admin, post, signIn, cookieOf, ask }
}

describe('POST /api/login', () => {
  it('begins a session that no script can read and no other site can use', async () => {
    const { signIn, ask, cookieOf, trail } = setUp()

    const answer = await signIn()

    expect(answer.statusCode).toBe(200)
    expect(answer.headers['set-cookie']).toMatch(
      /^mailtrap_receiver_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    )
    expect(await ask(cookieOf(answer))).toBe(200)
    expect(await ask(`other=1; ${cookieOf(answer)}; b=2`)).toBe(200)
    // That of another receiver below the same host, which browsers may put first.
    expect(await ask(`mailtrap_receiver_session=other; ${cookieOf(answer)}`)).toBe(200)
    expect(trail).toEqual([{ address: '127.0.0.1', isRight: true }])
  })

  it.each([
    [
      'the browser came over TLS',
      { origin: 'https://admin.example.com', host: 'admin.example.com' },
    ],
    ['a proxy ends TLS', { 'x-forwarded-proto': 'https' }],
  ])('marks the cookie as one for TLS alone when %s', async (_when, headers) => {
    const { signIn } = setUp()
    expect((await signIn(PASSWORD, headers)).headers['set-cookie']).toMatch(/; Secure$/)
  })

  it('refuses a wrong password, and an address after ten of them', async () => {
    const { signIn, app, trail } = setUp()
    for (let time = 0; time < 10; time++) {
      const answer = await signIn('guess')
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['set-cookie']).toBeUndefined()
      // The form stays; no window of the browser opens over it.
      expect(answer.headers['www-authenticate']).toBeUndefined()
    }

    expect((await signIn()).statusCode).toBe(429)
    const headers = { authorization: basic('admin', PASSWORD) }
    expect((await app.inject({ url: '/api/stats', headers })).statusCode).toBe(429)
    expect(trail).toHaveLength(10)
  })

  it('leaves those who are signed in alone when others of their address guess', async () => {
    const { signIn, cookieOf, ask } = setUp()
    const cookie = cookieOf(await signIn())
    for (let time = 0; time < 11; time++) await signIn('guess')
    expect(await ask(cookie)).toBe(200)
  })

  it.each([
    ['another site', { origin: 'https://evil.example' }, 403],
    ['a form of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ])('takes nothing from %s', async (_who, headers, status) => {
    const { signIn } = setUp()
    const answer = await signIn(PASSWORD, headers)
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  it.each([
    [{}],
    [{ password: 1 }],
    [{ password: 'x', more: 1 }],
    [{ password: 'x'.repeat(2_000) }],
  ])('says what is wrong, and never repeats a password', async (payload) => {
    const { post } = setUp()
    const answer = await post('/api/login', payload)
    expect(answer.statusCode).toBe(400)
    expect(answer.body).not.toContain('xxxx')
  })

  it('is not needed without a password', async () => {
    const { app } = buildAdmin()
    const session = await app.inject('/api/session')
    expect(session.json()).toEqual({ session: 'none', version: '1.2.3' })
  })
})

describe('a session', () => {
  it('ends two hours after a person last did something; refreshing does not count', async () => {
    const { signIn, cookieOf, ask, clock } = setUp()
    const cookie = cookieOf(await signIn())
    clock.elapsedMs += HOUR_MS
    expect(await ask(cookie)).toBe(200)
    clock.elapsedMs += 1.9 * HOUR_MS
    expect(await ask(cookie, { 'x-dashboard': 'refresh' })).toBe(200)
    clock.elapsedMs += 0.1 * HOUR_MS
    expect(await ask(cookie, { 'x-dashboard': 'refresh' })).toBe(401)
  })

  it('ends after twelve hours in any case', async () => {
    const { signIn, cookieOf, ask, clock } = setUp()
    const cookie = cookieOf(await signIn())
    for (let hour = 1; hour < 12; hour++) {
      clock.elapsedMs += HOUR_MS
      expect(await ask(cookie)).toBe(200)
    }
    clock.elapsedMs += HOUR_MS
    expect(await ask(cookie)).toBe(401)
  })

  it('ends by signing out, and others go on', async () => {
    const { signIn, cookieOf, ask, post } = setUp()
    const [mine, other] = [cookieOf(await signIn()), cookieOf(await signIn())]

    const answer = await post('/api/logout', {}, { cookie: mine })

    expect(answer.headers['set-cookie']).toContain('Max-Age=0')
    expect(await ask(mine)).toBe(401)
    expect(await ask(other)).toBe(200)
  })

  it('gives way when a thousand others have begun', async () => {
    const { signIn, cookieOf, ask } = setUp()
    const first = cookieOf(await signIn())
    for (let time = 0; time < 1_000; time++) await signIn()
    expect(await ask(first)).toBe(401)
  })

  it('cannot be guessed from the cookie’s name or an empty one', async () => {
    const { ask } = setUp()
    for (const cookie of ['mailtrap_receiver_session=', 'mailtrap_receiver_session', '=', ';;']) {
      expect(await ask(cookie)).toBe(401)
    }
  })

  it('does not open the browser’s own window over the page when it has ended', async () => {
    const { app } = setUp()
    const headers = { 'x-dashboard': 'refresh' }
    const answer = await app.inject({ url: '/api/stats', headers })
    expect(answer.headers['www-authenticate']).toBe('Session realm="mailtrap-receiver"')
  })
})

describe('GET /api/session', () => {
  it('says what let the caller in, whatever else he brought', async () => {
    const { app, signIn, cookieOf } = setUp()
    const cookie = cookieOf(await signIn())
    const authorization = basic('admin', PASSWORD)
    const stale = 'mailtrap_receiver_session=stale'
    const ask = async (headers: Record<string, string>) =>
      (await app.inject({ url: '/api/session', headers })).json().session

    expect(await ask({ cookie })).toBe('cookie')
    expect(await ask({ authorization })).toBe('basic')
    expect(await ask({ authorization, cookie: stale })).toBe('basic')
    expect(await ask({ authorization, cookie })).toBe('cookie')
  })
})
