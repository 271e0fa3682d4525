import { describe, expect, it } from 'vitest'
import { ReceiverError } from '../../src/errors.ts'
import { basic, buildAdmin } from './build-admin.ts'
import { makeEvent, makePiece } from './memory-archive.ts'

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

const json = { 'content-type': 'application/json' }

describe('every answer of the admin listener', () => {
  it.each([
    ['the page', 200, { url: '/' }],
    ['its script', 200, { url: '/page.js' }],
    ['its style', 200, { url: '/page.css' }],
    ['its icon', 200, { url: '/icon.svg' }],
    ['figures', 200, { url: '/api/stats' }],
    ['figures asked for by HEAD', 200, { method: 'HEAD', url: '/api/stats' }],
    ['a list', 200, { url: '/api/events' }],
    ['bytes', 200, { url: '/api/quarantine/5/body' }],
    ['a replay', 200, { method: 'POST', url: '/api/replay', payload: { state: 'dead' } }],
    ['a wrong parameter', 400, { url: '/api/events?limit=0' }],
    ['an address that cannot be read', 400, { url: '/api/events/%zz' }],
    ['an id beyond all measure', 400, { url: `/api/events/${'x'.repeat(600)}` }],
    [
      'a body that is no JSON',
      400,
      { method: 'POST', url: '/api/replay', headers: json, payload: '{' },
    ],
    ['an unknown event', 404, { url: '/api/events/none' }],
    ['an unknown address', 404, { url: '/nowhere' }],
    ['a wrong method', 405, { method: 'DELETE', url: '/api/events' }],
    [
      'an unknown address to write to',
      404,
      { method: 'PUT', url: '/x', headers: json, payload: '{}' },
    ],
    ['no body at all', 400, { method: 'POST', url: '/api/replay', headers: json }],
    [
      'a body too large',
      413,
      { method: 'POST', url: '/api/replay', payload: { type: 'x'.repeat(70_000) } },
    ],
    [
      'a body of another type',
      415,
      {
        method: 'POST',
        url: '/api/replay',
        headers: { 'content-type': 'text/plain' },
        payload: '{}',
      },
    ],
  ] as const)('carries the protecting headers: %s', async (_name, status, request) => {
    const { app, archive } = buildAdmin()
    archive.quarantine.push(makePiece('5', Buffer.from('{')))

    const answer = await app.inject(request)

    expect(answer.statusCode).toBe(status)
    expect(answer.headers).toMatchObject(HEADERS)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })

  it.each([
    ['GET', '/api/replay', 'POST'],
    ['GET', '/api/handlers/crm/pause?x=1', 'POST'],
    ['POST', '/api/stats', 'GET, HEAD'],
    ['DELETE', '/api/events/5', 'GET, HEAD'],
    ['PUT', '/page.js', 'GET, HEAD'],
  ] as const)('says what to use instead of %s %s', async (method, url, allowed) => {
    const { app } = buildAdmin()

    const answer = await app.inject({ method, url })

    expect(answer.statusCode).toBe(405)
    expect(answer.headers['allow']).toBe(allowed)
    expect(answer.json()).toEqual({
      error: 'method_not_allowed',
      message: `There is no ${method} at this address: use ${allowed.replace(', ', ' or ')}.`,
    })
  })

  it.each(['/api/handlers//pause', '/api/events/5/', '/api/event', '/api/replay/x'])(
    'knows no method of an address that is not there: %s',
    async (url) => {
      const { app } = buildAdmin()
      expect((await app.inject({ method: 'PUT', url })).statusCode).toBe(404)
    },
  )

  it('carries them when the password is missing, wrong, or was wrong too often', async () => {
    const { app } = buildAdmin({ password: 'correct horse' })
    const headers = { authorization: basic('admin', 'wrong') }

    const answers = [await app.inject('/api/stats'), await app.inject({ url: '/nowhere', headers })]
    for (let attempt = 0; attempt < 10; attempt += 1)
      answers.push(await app.inject({ url: '/api/stats', headers }))

    expect(answers.map((answer) => answer.statusCode)).toContain(429)
    for (const answer of answers) expect(answer.headers).toMatchObject(HEADERS)
  })
})

describe('when something fails', () => {
  it('answers 500 with a fixed text, and tells the observer the cause', async () => {
    const { app, archive, failures } = buildAdmin()
    archive.problem = new Error('no such table: events in /var/lib/receiver.db')

    const answer = await app.inject('/api/events?recipient=ada@example.com')

    expect(answer.statusCode).toBe(500)
    expect(answer.headers).toMatchObject(HEADERS)
    expect(answer.body).not.toContain('receiver.db')
    expect(answer.json()).toMatchObject({ error: 'internal' })
    expect(failures).toEqual([{ route: '/api/events', error: archive.problem }])
  })

  it('answers 503 with the text of the catalogue when the store cannot read', async () => {
    const { app, archive, failures } = buildAdmin()
    archive.problem = new ReceiverError('store_closed', { detail: '/secret/path' })

    const answer = await app.inject('/api/stats')

    expect(answer.statusCode).toBe(503)
    expect(answer.headers).toMatchObject({ ...HEADERS, 'retry-after': '5' })
    expect(answer.json()).toEqual({
      error: 'store_closed',
      message:
        'The store is closed: the receiver is stopping, or the thread of the store has died.',
    })
    expect(failures).toHaveLength(1)
  })

  it.each([
    [true, 'The store cannot be reached.'],
    [false, 'The store could not do its work in time.'],
  ])(
    'tells a store that is away (%s) from a slow one, and what came of the work',
    async (isAway, text) => {
      const { app, archive } = buildAdmin()
      archive.problem = new ReceiverError('store_busy', { detail: '10.0.0.5', isAway })

      const answer = await app.inject({ method: 'POST', url: '/api/prune' })

      expect(answer.statusCode).toBe(503)
      expect(answer.headers['retry-after']).toBe('5')
      expect(answer.json()).toEqual({
        error: 'store_busy',
        message: `${text} What was asked for may not have been done: ask again in a while.`,
      })
    },
  )

  it('does not call back for what the store can never take', async () => {
    const { app, archive } = buildAdmin()
    archive.problem = new ReceiverError('store_refused')

    const answer = await app.inject('/api/stats')

    expect(answer.json().error).toBe('store_refused')
    expect(answer.headers).not.toHaveProperty('retry-after')
  })

  it('goes on answering afterwards', async () => {
    const { app, archive } = buildAdmin()
    archive.problem = new Error('once')
    await app.inject('/api/stats')
    archive.problem = undefined

    expect((await app.inject('/api/stats')).statusCode).toBe(200)
  })
})

describe('hostile content', () => {
  const HOSTILE = '"><script>alert(1)</script>\u0000\u202e</style>'

  it('is quoted in JSON that no browser takes for a page', async () => {
    const { app, archive } = buildAdmin()
    const payload = `{"event":"${'\\u0000'}","a":"</script>"}`
    archive.events.push(
      makeEvent('1', { type: HOSTILE, recipient: HOSTILE, source: HOSTILE, payload }),
    )

    const list = await app.inject('/api/events')
    const detail = await app.inject('/api/events/1')

    expect(list.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(list.json().events[0]).toMatchObject({ type: HOSTILE, recipient: HOSTILE })
    expect(detail.json().payload).toBe(payload)
  })

  it('keeps a type called __proto__ as a type', async () => {
    const { app, archive } = buildAdmin()
    archive.events.push(
      makeEvent('1', { type: '__proto__' }),
      makeEvent('2', { type: 'constructor' }),
    )

    const answer = await app.inject('/api/stats')

    expect(answer.body).toContain('"by_type":{"__proto__":1,"constructor":1}')
  })

  it('does not come back in the answer to an unknown address', async () => {
    const { app } = buildAdmin()

    const answer = await app.inject('/%3Cscript%3Ealert(1)%3C/script%3E')

    expect(answer.statusCode).toBe(404)
    expect(answer.body).not.toContain('script')
  })
})
