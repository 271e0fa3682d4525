import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'

const LIMIT = 'must be a whole number from 1 to 500'
const CURSOR = 'cursor must be what the page before gave as its cursor, unchanged'
const TIME = 'must be ISO text such as 2026-11-21T09:30:00Z, or seconds or milliseconds since 1970'
const STATES = 'must be one of pending, done, dead, unhandled, conflict, stale'

describe('wrong parameters', () => {
  it.each([
    ['/api/events?limit=0', `limit ${LIMIT}, not "0".`],
    ['/api/events?limit=501', `limit ${LIMIT}, not "501".`],
    ['/api/events?limit=-1', `limit ${LIMIT}, not "-1".`],
    ['/api/events?limit=1.5', `limit ${LIMIT}, not "1.5".`],
    ['/api/events?limit=1e2', `limit ${LIMIT}, not "1e2".`],
    ['/api/events?limit=ten', `limit ${LIMIT}, not "ten".`],
    ['/api/events?limit=', `limit ${LIMIT}.`],
    ['/api/events?limit=%20', `limit ${LIMIT}, not " ".`],
    ['/api/events?limit=1&limit=2', 'limit must be given once.'],
    ['/api/events?limit=007', `limit ${LIMIT}, not "007".`],
    ['/api/events?state=failed', `state ${STATES}, not "failed".`],
    ['/api/events?state=DONE', `state ${STATES}, not "DONE".`],
    ['/api/events?state=done&state=dead', `state ${STATES}.`],
    ['/api/events?source=', 'source must not be empty: leave it out instead.'],
    ['/api/events?type=a&type=b', 'type must be one text, given once.'],
    ['/api/events?source=a%00b', 'source must not hold a NUL, not "a\\u0000b".'],
    ['/api/events?recipient=', 'recipient must not be empty: leave it out instead.'],
    ['/api/events?message_id=', 'message_id must not be empty: leave it out instead.'],
    ['/api/events?event_id=', 'event_id must not be empty: leave it out instead.'],
    ['/api/events?from=yesterday', `from ${TIME}, not "yesterday".`],
    ['/api/events?from=2026-02-30', `from ${TIME}, not "2026-02-30".`],
    ['/api/events?to=', `to ${TIME}.`],
    ['/api/events?to=1&to=2', 'to must be one time, given once.'],
    [
      '/api/events?from=2026-11-22&to=2026-11-21',
      'from must be earlier than to, not "2026-11-22".',
    ],
    ['/api/events?from=1733497282&to=1733497282', 'from must be earlier than to'],
    [
      '/api/jobs?state=stale',
      'state must be one of pending, done, dead, discarded, retrying, not "stale".',
    ],
    ['/api/jobs?handler=', 'handler must not be empty: leave it out instead.'],
    ['/api/jobs?limit=0', `limit ${LIMIT}, not "0".`],
    ['/api/quarantine?limit=x', `limit ${LIMIT}, not "x".`],
    ['/api/events?stat=done', 'There is no parameter "stat". Did you mean state?'],
    ['/api/events?eventid=1', 'There is no parameter "eventid". Did you mean event_id?'],
    ['/api/events?messageId=1', 'There is no parameter "messageId". Did you mean message_id?'],
    ['/api/events?page=2', 'There is no parameter "page".'],
    ['/api/events?__proto__=1', 'There is no parameter "__proto__".'],
    ['/api/events?constructor=1', 'There is no parameter "constructor".'],
    ['/api/quarantine?state=done', 'There is no parameter "state". Allowed are limit, cursor.'],
    ['/api/stats?x=1', 'There is no parameter "x". None is allowed here.'],
    ['/api/events/7?x=1', 'There is no parameter "x". None is allowed here.'],
    ['/api/quarantine/7/body?x=1', 'There is no parameter "x". None is allowed here.'],
  ])('%s: %s', async (url, sentence) => {
    const { app, archive } = buildAdmin()

    const answer = await app.inject(url)

    expect(answer.statusCode).toBe(400)
    expect(answer.json().error).toBe('invalid_parameters')
    expect(answer.json().message).toContain(sentence)
    expect(answer.json().problems).toHaveLength(1)
    expect(archive.calls).toEqual([])
  })

  it('are all named at once', async () => {
    const { app } = buildAdmin()

    const answer = await app.inject('/api/events?limit=0&state=x&from=y&sorce=mailtrap')

    expect(answer.json().problems).toEqual([
      'There is no parameter "sorce". Did you mean source? Allowed are source, type, state, recipient, message_id, event_id, batch, from, to, limit, cursor.',
      `state ${STATES}, not "x".`,
      `from ${TIME}, not "y".`,
      `limit ${LIMIT}, not "0".`,
    ])
  })

  it('are not repeated at length', async () => {
    const { app } = buildAdmin()

    const name = await app.inject(`/api/events?${'n'.repeat(5_000)}=1`)
    const value = await app.inject(`/api/events?source=${'v'.repeat(5_000)}`)

    expect(name.body.length).toBeLessThan(600)
    expect(value.json().message).toBe(
      `source must be at most 1000 characters long, not "${'v'.repeat(40)}…".`,
    )
  })
})

describe('wrong cursors', () => {
  it.each([
    ['/api/events?cursor=', '.'],
    ['/api/events?cursor=a%20b', ', not "a b".'],
    ['/api/events?cursor=%00', ', not "\\u0000".'],
    ['/api/events?cursor=1e3', ', not "1e3".'],
    ['/api/events?cursor=-1', ', not "-1".'],
    ['/api/events?cursor=007', ', not "007".'],
    ['/api/events?cursor=12.log', ', not "12.log".'],
    ['/api/events?cursor=99999999999999999999', ', not "99999999999999999999".'],
    ['/api/events?cursor=1&cursor=2', '.'],
    ['/api/quarantine?cursor=abc', ', not "abc".'],
    ['/api/jobs?cursor=12', ', not "12".'],
    ['/api/jobs?cursor=12.', ', not "12.".'],
    ['/api/jobs?cursor=x.log', ', not "x.log".'],
    ['/api/jobs?cursor=12.%27%20OR%201', `, not "12.' OR 1".`],
  ])('%s are answered with invalid_cursor', async (url, ending) => {
    const { app, archive } = buildAdmin()

    const answer = await app.inject(url)

    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toEqual({
      error: 'invalid_cursor',
      message: `${CURSOR}${ending}`,
      problems: [`${CURSOR}${ending}`],
    })
    expect(archive.calls).toEqual([])
  })

  it('are one problem of several when there are more', async () => {
    const { app } = buildAdmin()

    const answer = await app.inject('/api/events?cursor=x&limit=0')

    expect(answer.json().error).toBe('invalid_parameters')
    expect(answer.json().problems).toHaveLength(2)
  })
})

describe('right parameters', () => {
  it.each([
    '/api/events?limit=1',
    '/api/events?limit=500',
    '/api/events?cursor=12',
    '/api/jobs?cursor=12.suppress-1.x_y',
    '/api/events?type=soft%20bounce',
    '/api/events?type=soft+bounce',
    '/api/events?state=conflict',
    '/api/jobs?state=dead',
    '/api/quarantine?limit=3&cursor=1',
  ])('%s', async (url) => {
    const { app, archive } = buildAdmin()

    expect((await app.inject(url)).statusCode).toBe(200)
    expect(archive.calls).toHaveLength(1)
  })
})
