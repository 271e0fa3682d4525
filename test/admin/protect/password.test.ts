import { describe, expect, it } from 'vitest'
import { basic, buildAdmin } from '../build-admin.ts'

const PASSWORD = 'correct: horse ☂'
const RIGHT = { authorization: basic('admin', PASSWORD) }
const WRONG = { authorization: basic('admin', 'guess') }

describe('with a password', () => {
  it.each([
    ['none', undefined, 401],
    ['empty', '', 401],
    ['right', basic('admin', PASSWORD), 200],
    ['right, scheme in capitals', basic('admin', PASSWORD).replace('Basic', 'BASIC'), 200],
    ['wrong password', basic('admin', 'correct'), 401],
    ['one letter more', basic('admin', `${PASSWORD}x`), 401],
    ['one letter less', basic('admin', PASSWORD.slice(0, -1)), 401],
    ['empty password', basic('admin', ''), 401],
    ['another user', basic('root', PASSWORD), 401],
    ['user in capitals', basic('Admin', PASSWORD), 401],
    ['no colon', `Basic ${Buffer.from('admin').toString('base64')}`, 401],
    ['another scheme', basic('admin', PASSWORD).replace('Basic', 'Bearer'), 401],
    ['no scheme', basic('admin', PASSWORD).replace('Basic ', ''), 401],
    ['no base64', 'Basic ***', 401],
    ['plain text', `Basic admin:${PASSWORD.replace(' ☂', '')}`, 401],
  ])('answers to credentials: %s', async (_name, authorization, status) => {
    const { app } = buildAdmin({ password: PASSWORD })
    const headers = authorization === undefined ? {} : { authorization }

    const answer = await app.inject({ url: '/api/stats', headers })

    expect(answer.statusCode).toBe(status)
    if (status === 401) {
      expect(answer.headers['www-authenticate']).toBe(
        'Basic realm="mailtrap-receiver", charset="UTF-8"',
      )
      expect(answer.json().error).toBe('unauthorized')
    }
  })

  it.each([
    '/api/stats',
    '/api/session',
    '/api/series',
    '/api/ack',
    '/api/sources',
    '/api/handlers',
    '/api/handlers/x/failures',
    '/api/events.csv',
    '/page.js/',
    '//page.js',
    '/api/events',
    '/api/events/1',
    '/api/jobs',
    '/api/quarantine',
    '/api/quarantine/1/body',
    '/nowhere',
    '//api/stats',
    '/api/../api/stats',
    '/API/STATS',
    '/api/stats/',
    '/api/stats;x=1',
  ])('gives nothing away at %s', async (url) => {
    const { app, archive } = buildAdmin({ password: PASSWORD })

    const answer = await app.inject(url)

    expect(answer.statusCode).toBe(401)
    expect(archive.calls).toEqual([])
  })

  it.each(['/', '/page.js', '/page.css', '/icon.svg'])(
    'shows the page that asks for it, and nothing of what is kept: %s',
    async (url) => {
      const { app, archive } = buildAdmin({ password: PASSWORD })

      expect((await app.inject(url)).statusCode).toBe(200)
      expect((await app.inject({ method: 'POST', url })).statusCode).toBe(401)
      expect(archive.calls).toEqual([])
    },
  )

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'] as const)(
    'asks for it on %s before anything else',
    async (method) => {
      const { app, archive } = buildAdmin({ password: PASSWORD })

      const answer = await app.inject({ method, url: '/api/replay' })

      expect(answer.statusCode).toBe(401)
      expect(archive.calls).toEqual([])
    },
  )

  it('serves any Host and any peer that knows it', async () => {
    const { app } = buildAdmin({ password: PASSWORD })

    const answer = await app.inject({
      url: '/api/stats',
      remoteAddress: '203.0.113.7',
      headers: { ...RIGHT, host: 'admin.example.com', 'x-forwarded-for': '198.51.100.1' },
    })

    expect(answer.statusCode).toBe(200)
  })
})

describe('wrong passwords', () => {
  const setUp = () => {
    const admin = buildAdmin({ password: PASSWORD })
    const ask = (headers: Record<string, string>, remoteAddress = '203.0.113.7') =>
      admin.app.inject({ url: '/api/stats', headers, remoteAddress })
    const fail = async (times: number, remoteAddress?: string) => {
      for (let time = 0; time < times; time += 1) await ask(WRONG, remoteAddress)
    }
    return { ...admin, ask, fail }
  }

  it('make an address wait after ten in a minute, even with the right one', async () => {
    const { ask, fail, clock } = setUp()
    await fail(9)
    expect((await ask(RIGHT)).statusCode).toBe(200)
    await fail(1)
    clock.elapsedMs += 18_500

    const answer = await ask(RIGHT)

    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('42')
    expect(answer.json().error).toBe('too_many_attempts')
  })

  it('are forgotten after the minute, also when the clock was set back', async () => {
    const { ask, fail, clock } = setUp()
    await fail(10)
    clock.now -= 86_400_000
    clock.elapsedMs += 60_000

    expect((await ask(RIGHT)).statusCode).toBe(200)
    expect((await ask(WRONG)).statusCode).toBe(401)
  })

  it('of one address do not hold up another', async () => {
    const { ask, fail } = setUp()
    await fail(10)

    expect((await ask(RIGHT, '203.0.113.8')).statusCode).toBe(200)
  })

  it('count for a whole IPv6 network of one customer, and for mapped IPv4 as for IPv4', async () => {
    const { ask, fail } = setUp()
    await fail(5, '2001:db8:1:2::1')
    await fail(5, '2001:db8:1:2:ffff:ffff:ffff:ffff')
    await fail(10, '::ffff:198.51.100.9')

    expect((await ask(RIGHT, '2001:db8:1:2:3::9')).statusCode).toBe(429)
    expect((await ask(RIGHT, '2001:db8:1:3::1')).statusCode).toBe(200)
    expect((await ask(RIGHT, '198.51.100.9')).statusCode).toBe(429)
  })

  it('do not include requests without any, as browsers begin with', async () => {
    const { ask } = setUp()
    for (let time = 0; time < 30; time += 1) await ask({})

    expect((await ask({})).statusCode).toBe(401)
    expect((await ask(RIGHT)).statusCode).toBe(200)
  })
})

describe('wrong passwords through a proxy', () => {
  const setUp = (trustProxy: readonly string[]) => {
    const { app } = buildAdmin({ password: PASSWORD, trustProxy })
    return (headers: Record<string, string>, from: string) =>
      app.inject({
        url: '/api/stats',
        headers: { ...headers, 'x-forwarded-for': from },
        remoteAddress: '10.0.0.1',
      })
  }

  it('count for who sent them, whatever else the header holds', async () => {
    const ask = setUp(['10.0.0.0/8'])
    for (let time = 0; time < 10; time += 1) {
      await ask(WRONG, `198.51.100.${time}, 203.0.113.7:${50_000 + time}, 10.0.0.9`)
    }

    expect((await ask(RIGHT, '203.0.113.7')).statusCode).toBe(429)
    expect((await ask(RIGHT, '203.0.113.8')).statusCode).toBe(200)
  })

  it('count for a proxy that is not trusted: it may say what it likes', async () => {
    const ask = setUp(['10.0.0.2/32'])
    for (let time = 0; time < 10; time += 1) await ask(WRONG, `203.0.113.${time}`)

    expect((await ask(RIGHT, '203.0.113.99')).statusCode).toBe(429)
  })

  it('count together when what the proxy says is no address', async () => {
    const ask = setUp(['10.0.0.0/8'])
    for (let time = 0; time < 10; time += 1) await ask(WRONG, `no-${time}`)

    expect((await ask(RIGHT, 'no-99')).statusCode).toBe(429)
    expect((await ask(RIGHT, '203.0.113.8')).statusCode).toBe(200)
  })
})
