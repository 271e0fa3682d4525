import { describe, expect, it } from 'vitest'
import { ReceiverError } from '../../../src/errors.ts'
import { buildAdmin, noRefusals } from '../build-admin.ts'
import { makeEvent, makePiece } from '../memory-archive.ts'

describe('GET /api/stats', () => {
  it('joins what the store holds with what was counted since the start', async () => {
    const { app, archive, counts } = buildAdmin()
    archive.events.push(
      makeEvent('1'),
      makeEvent('2', { state: 'conflict' }),
      makeEvent('3', { state: 'stale', type: 'open' }),
    )
    archive.quarantine.push(makePiece('q', Buffer.from('x')))
    archive.figures = {
      batches: { received: 12, waiting: 2 },
      duplicates: 4,
      jobs: { suppress: { pending: 5, done: 6, dead: 1 } },
      retrying: { suppress: 2 },
      backlog: 7,
      oldestPendingMs: 61_400,
    }
    counts.received = { mailtrap: 3 }
    counts.refused = { ...noRefusals(), signature: 2, address: 1 }

    const answer = await app.inject('/api/stats')

    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      version: '1.2.3',
      verdict: [],
      store: 'sqlite:/data/receiver.db',
      counting_since: '2026-11-21T10:00:00.000Z',
      counted_at: '2026-11-21T10:00:00.000Z',
      batches: {
        received: 12,
        waiting: 2,
        received_by_source: { mailtrap: 3 },
        refused: 3,
        refused_by_reason: { ...noRefusals(), signature: 2, address: 1 },
      },
      events: {
        total: 3,
        by_state: { pending: 0, done: 1, dead: 0, unhandled: 0, conflict: 1, stale: 1 },
        by_type: { bounce: 2, open: 1 },
      },
      duplicates: 4,
      conflicts: 1,
      stale: 1,
      quarantined: 1,
      jobs: { suppress: { pending: 5, retrying: 2, done: 6, dead: 1, discarded: 0 } },
      backlog: 7,
      oldest_pending_seconds: 61,
      spool: null,
      database: null,
      guardian: null,
      rates: { events_per_second: null, batches_per_second: null, over_seconds: null },
    })
  })

  it('tells of the spool, and of the database of a shared store', async () => {
    const { app, archive } = buildAdmin({
      spool: {
        waiting: 3,
        refused: 1,
        spooled: 9,
        drained: 6,
        setAside: 0,
        bytes: 4_096,
        diskUsedPercent: 41,
        since: Date.UTC(2026, 10, 21, 9, 59),
      },
    })
    archive.databaseHealth = {
      deadRows: { jobs: 120 },
      oldestTransactionMs: 61_400,
      turnedOff: ['fsync'],
    }

    const { spool, database } = (await app.inject('/api/stats')).json()

    expect(spool).toEqual({
      waiting: 3,
      refused: 1,
      waiting_since: '2026-11-21T09:59:00.000Z',
      bytes: 4_096,
      disk_used_percent: 41,
      spooled: 9,
      drained: 6,
      files_set_aside: 0,
    })
    expect(database).toEqual({
      dead_rows: { jobs: 120 },
      oldest_transaction_seconds: 61,
      turned_off: ['fsync'],
    })
  })

  it('tells what is known of our webhooks at the provider', async () => {
    const now = Date.UTC(2026, 10, 21)
    const outage = { beganAt: now, durationMs: 900_400, retriesUsed: 3, retriesLimit: 40 }
    const { app } = buildAdmin({
      guardian: () => ({
        startedAt: 0,
        tokenExpiresAt: undefined,
        lookedAt: now,
        failure: undefined,
        webhooks: [
          { id: 1, source: 'mailtrap', isPaused: true, differences: [] },
          { id: 2, source: 'audit', isPaused: false, differences: ['Its URL lacks the token.'] },
        ],
        problems: [{ webhook: 1, source: 'mailtrap', text: 'It is paused.' }],
        resumed: 2,
        outage: undefined,
        lastOutage: outage,
      }),
    })

    expect((await app.inject('/api/stats')).json().guardian).toEqual({
      looked_at: '2026-11-21T00:00:00.000Z',
      failure: null,
      webhooks: 2,
      paused: 1,
      differing: 1,
      problems: [{ webhook: 1, source: 'mailtrap', problem: 'It is paused.' }],
      resumed: 2,
      token_expires_at: null,
      outage: null,
      last_outage: {
        began_at: '2026-11-21T00:00:00.000Z',
        seconds: 900,
        retries_used: 3,
        retries_limit: 40,
      },
    })
  })

  it('gives rates from the second look on', async () => {
    const { app, archive, clock } = buildAdmin()
    await app.inject('/api/stats')
    clock.now += 10_000
    archive.figures = { batches: { received: 5, waiting: 0 } }
    for (let id = 0; id < 25; id += 1) archive.events.push(makeEvent(String(id)))

    const answer = await app.inject('/api/stats')

    expect(answer.json().rates).toEqual({
      events_per_second: 2.5,
      batches_per_second: 0.5,
      over_seconds: 10,
    })
  })

  it('asks the store once for questions that come together', async () => {
    const { app, archive } = buildAdmin()

    const answers = await Promise.all([1, 2, 3, 4].map(() => app.inject('/api/stats')))
    await app.inject('/api/stats')

    expect(answers.map((answer) => answer.statusCode)).toEqual([200, 200, 200, 200])
    expect(archive.calls.length).toBeLessThan(5)
  })
})

describe('GET /api/process', () => {
  it('answers what needs no store, also while the store is away', async () => {
    const { app, archive, counts } = buildAdmin()
    archive.problem = new ReceiverError('store_busy')
    counts.received = { mailtrap: 3 }
    counts.refused = { ...noRefusals(), signature: 2 }

    const answers = await Promise.all(['/api/stats', '/api/process'].map((url) => app.inject(url)))

    expect(answers.map(({ statusCode }) => statusCode)).toEqual([503, 200])
    expect(answers[1]?.json()).toEqual({
      version: '1.2.3',
      verdict: [],
      store: 'sqlite:/data/receiver.db',
      counting_since: '2026-11-21T10:00:00.000Z',
      batches: {
        received_by_source: { mailtrap: 3 },
        refused: 2,
        refused_by_reason: { ...noRefusals(), signature: 2 },
      },
      spool: null,
      guardian: null,
    })
  })

  it('say first what a person is needed for, since when, and what to do', async () => {
    const cause = {
      cause: 'not_ready',
      since: Date.UTC(2026, 10, 21, 9, 58),
      text: 'Not accepting webhooks: the disk is full.',
      remedy: 'Free space.',
    }
    const { app } = buildAdmin({ verdict: async () => ({ causes: [cause] }) })

    for (const url of ['/api/stats', '/api/process']) {
      const { verdict } = (await app.inject(url)).json()
      expect(verdict, url).toEqual([{ ...cause, since: '2026-11-21T09:58:00.000Z' }])
    }
  })
})
