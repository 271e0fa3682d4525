import { describe, expect, it } from 'vitest'
import type { Figures } from '../../src/alerts/cause.ts'
import { findCauses } from '../../src/alerts/causes.ts'
import {
  DAY_MS,
  guardianFigures,
  HOUR_MS,
  MINUTE_MS,
  NOW,
  wellFigures,
  withStore,
} from './sample-figures.ts'

const ago = (ms: number) => NOW - ms
const outage = (retriesUsed: number) => ({
  beganAt: ago(HOUR_MS * 3),
  durationMs: HOUR_MS * 3,
  retriesUsed,
  retriesLimit: 40,
})
const silence = { source: 'audit', isSilent: true, since: ago(5 * HOUR_MS), limitMs: HOUR_MS }
const crashes = (ages: readonly number[], exit?: string) => ({
  crm: ages.map((age) => ({ at: ago(age), exit })),
})
const watched = (over: Partial<Figures['watched']>) => ({
  watched: { ...wellFigures().watched, ...over },
})

function find(over: Partial<Figures>) {
  const quiet = { grewAt: { quarantined: 0, conflicts: 0 }, silences: [] }
  return findCauses({ ...wellFigures(), ...quiet, ...over })
}

type Row = [what: string, figures: Partial<Figures>, cause: string, text: string, since?: number]

describe('the causes for an alert', () => {
  it('are none while all is well', () => {
    expect(find({})).toEqual([])
    expect(find({ guardian: guardianFigures() })).toEqual([])
    expect(find({ store: undefined, spool: undefined, diskUsedPercent: undefined })).toEqual([])
  })
  it.each<Row>([
    [
      'nothing is accepted',
      { isReady: false, storeState: 'store_full', diskUsedPercent: 100 },
      'not_ready',
      'Not accepting webhooks: the disk is full.',
    ],
    [
      'the store is away, and the spool takes what comes',
      {
        storeState:
          'degraded: 2 batches wait in the spool, the store is away since 2026-11-30T02:00:00.000Z (store_busy)',
        spool: { waiting: 2, refused: 0 },
      },
      'store',
      'The store is away: 2 batches wait in the spool.',
      Date.parse('2026-11-30T02:00:00.000Z'),
    ],
    [
      'the store was away when the receiver started',
      { storeState: 'degraded: the store was never opened since 2026-11-30T02:00:00.000Z' },
      'store',
      'The store was never opened: 0 batches wait in the spool.',
      Date.parse('2026-11-30T02:00:00.000Z'),
    ],
    [
      'the spool moves into a store that is back',
      { storeState: 'degraded: 2 batches wait in the spool' },
      'store',
      'The store fails: 2 batches wait in the spool.',
    ],
    [
      'the spool cannot keep anything',
      watched({ spoolFailedAt: ago(MINUTE_MS) }),
      'spool',
      'The spool cannot keep batches: while the store is away, nothing is accepted.',
      ago(MINUTE_MS),
    ],
    [
      'the store refuses a batch for what it is',
      { spool: { waiting: 1, refused: 1 } },
      'spool_refused',
      'The store refuses 1 batch of the spool.',
    ],
    [
      'the disk of a spool in use is filling',
      { spool: { waiting: 2, refused: 0 }, diskUsedPercent: 80 },
      'spool_disk',
      '2 batches wait in the spool, and its disk is 80 % full.',
    ],
    [
      'the disk is nearly full',
      { diskUsedPercent: 90 },
      'disk',
      'The disk of DATA_DIR is 90 % full.',
    ],
    [
      'genuine requests are refused by address',
      watched({ refusedByAddress: { count: 3, since: ago(MINUTE_MS) } }),
      'refused_by_address',
      '3 genuine requests were refused by address within an hour.',
      ago(MINUTE_MS),
    ],
    [
      'a source is silent',
      { silences: [silence] },
      'source_silent:audit',
      'Nothing came from the source audit for 5 hours; more than 60 minutes is unusual.',
      ago(5 * HOUR_MS),
    ],
    [
      'a handler crashes again and again',
      watched({ crashes: crashes([3 * MINUTE_MS, 2 * MINUTE_MS, 1_000]) }),
      'handler_crashing:crm',
      'The handler crm is crashing: its process ended 3 times in the last five minutes.',
      ago(3 * MINUTE_MS),
    ],
    [
      'a handler crashes again and again, and it is known how',
      watched({ crashes: crashes([3 * MINUTE_MS, 2 * MINUTE_MS, 1_000], 'signal SIGSEGV') }),
      'handler_crashing:crm',
      'The handler crm is crashing: its process ended 3 times in the last five minutes, the last time with signal SIGSEGV.',
      ago(3 * MINUTE_MS),
    ],
    [
      'a handler does not come back, and it is known how it ended',
      {
        handlers: { crm: { running: false, restarts: 0, lastProblem: 'secret' } },
        ...watched({ crashes: crashes([MINUTE_MS], 'exit code 3') }),
      },
      'handler_crashing:crm',
      'The handler crm is crashing: it does not run; its process ended with exit code 3.',
      ago(MINUTE_MS),
    ],
    [
      'a handler does not come back',
      {
        handlers: { crm: { running: false, restarts: 0, lastProblem: 'secret' } },
        ...watched({ crashes: crashes([MINUTE_MS]) }),
      },
      'handler_crashing:crm',
      'The handler crm is crashing: it does not run.',
      ago(MINUTE_MS),
    ],
    [
      'a handler is behind',
      withStore({ oldestUntriedAt: { crm: ago(12 * MINUTE_MS) } }),
      'handler_behind:crm',
      'The handler crm is behind: its oldest event waits for 12 minutes.',
      ago(12 * MINUTE_MS),
    ],
    [
      'nobody unpacks',
      withStore({ oldestWaitingAt: ago(5 * MINUTE_MS) }),
      'unpacking_behind',
      'Batches are not unpacked: the oldest waits for 5 minutes.',
      ago(5 * MINUTE_MS),
    ],
    [
      'jobs are dead',
      withStore({ jobs: { crm: { pending: 0, done: 0, dead: 1 } } }),
      'jobs_dead:crm',
      '1 job of the handler crm is dead.',
    ],
    [
      'something came to quarantine',
      { ...withStore({ quarantined: 2 }), grewAt: { quarantined: ago(HOUR_MS), conflicts: 0 } },
      'quarantine',
      '2 pieces are in quarantine: authentic, but unreadable.',
      ago(HOUR_MS),
    ],
    [
      'there is a conflict',
      { ...withStore({ conflicts: 1 }), grewAt: { quarantined: 0, conflicts: ago(HOUR_MS) } },
      'conflicts',
      '1 event has the id of another with other content, and did not run.',
      ago(HOUR_MS),
    ],
    [
      'a handler is paused',
      withStore({ pausedAt: { crm: ago(DAY_MS) } }),
      'handler_paused:crm',
      'The handler crm is paused: its events wait.',
      ago(DAY_MS),
    ],
    [
      'the clock may be wrong',
      watched({ clockDoubtedAt: ago(HOUR_MS) }),
      'clock',
      'The clock may be wrong: nothing is forgotten by age until it is right.',
      ago(HOUR_MS),
    ],
    [
      'background work fails',
      watched({ upkeepFailedAt: ago(HOUR_MS) }),
      'upkeep',
      'Background work of the store fails: it grows, and becomes slow.',
      ago(HOUR_MS),
    ],
    [
      'the provider will soon give up',
      { guardian: guardianFigures({ outage: outage(30) }) },
      'outage',
      'Nothing was accepted for 3 hours: about 30 of the provider’s 40 retries are used, and after the last one it pauses the webhook.',
      ago(3 * HOUR_MS),
    ],
    [
      'an outage was longer than the provider tries',
      { guardian: guardianFigures({ lastOutage: { ...outage(40), beganAt: ago(HOUR_MS * 4) } }) },
      'outage_outlived_retries',
      'Nothing was accepted for 3 hours, longer than the provider tries: events may be missing.',
      ago(HOUR_MS),
    ],
    [
      'a webhook is paused',
      {
        guardian: guardianFigures({
          webhooks: [{ id: 7, source: 'mailtrap', isPaused: true, differences: [] }],
          problems: [{ webhook: 7, source: 'mailtrap', text: 'It is paused: nothing comes.' }],
        }),
      },
      'webhook_paused:7',
      'Webhook 7 of the source mailtrap is paused: the provider sends nothing to it.',
    ],
    [
      'a webhook is not as it was',
      {
        guardian: guardianFigures({
          problems: [
            { webhook: 7, source: 'mailtrap', text: 'Its URL leads elsewhere now.' },
            { webhook: 7, source: 'mailtrap', text: 'Its type was a and is b.' },
          ],
        }),
      },
      'webhook_differs:7',
      'The webhooks at the provider are not as they should be (7): Its URL leads elsewhere now. Its type was a and is b.',
    ],
    [
      'the provider does not let us look',
      {
        guardian: guardianFigures({ failure: 'answered 500', lookedAt: ago(20 * MINUTE_MS) }),
      },
      'guardian_blind',
      'The provider’s management API did not answer for 20 minutes: a paused webhook would not be noticed.',
      ago(20 * MINUTE_MS),
    ],
    [
      'the token expires soon',
      { guardian: guardianFigures({ tokenExpiresAt: NOW + 13 * DAY_MS }) },
      'token_expires',
      'The API token of MAILTRAP_API_TOKEN expires in 13 days: from then on nobody watches the webhooks.',
      NOW - DAY_MS,
    ],
  ])('are one when %s', (_what, figures, cause, text, since) => {
    const causes = find(figures)
    expect(causes).toHaveLength(1)
    expect(causes[0]).toMatchObject({ cause, text })
    expect(causes[0]?.since).toBe(since)
    expect(causes[0]?.remedy).toMatch(/\.$/)
  })
  it.each<[what: string, figures: Partial<Figures>]>([
    ['two crashes of a handler that runs again', watched({ crashes: crashes([9_000, 1_000]) })],
    [
      'a handler that ended a moment ago',
      {
        handlers: { crm: { running: false, restarts: 0, lastProblem: 'x' } },
        ...watched({ crashes: crashes([1_000]) }),
      },
    ],
    ['events that wait for their turn', withStore({ oldestUntriedAt: { crm: ago(299_000) } })],
    ['a quarantine in which nothing is new', withStore({ quarantined: 9, conflicts: 9 })],
    ['a spool that waits on a roomy disk', { spool: { waiting: 2, refused: 0 } }],
    ['an outage that cost retries', { guardian: guardianFigures({ lastOutage: outage(39) }) }],
    [
      'an outage of the day before',
      { guardian: guardianFigures({ lastOutage: { ...outage(40), beganAt: ago(30 * HOUR_MS) } }) },
    ],
    ['an outage that has time', { guardian: guardianFigures({ outage: outage(29) }) }],
    ['a token that has time', { guardian: guardianFigures({ tokenExpiresAt: NOW + 15 * DAY_MS }) }],
    [
      'one look that failed',
      { guardian: guardianFigures({ failure: 'x', lookedAt: ago(14 * MINUTE_MS) }) },
    ],
  ])('are none for %s', (_what, figures) => {
    expect(find(figures)).toEqual([])
  })
  it('do not call a paused handler behind as well', () => {
    const figures = withStore({
      oldestUntriedAt: { crm: ago(HOUR_MS) },
      pausedAt: { crm: ago(HOUR_MS) },
    })
    expect(find(figures).map(({ cause }) => cause)).toEqual(['handler_paused:crm'])
  })
  it('do not blame background work for a store that is away', () => {
    const storeState = 'degraded: the store is away since 2026-11-30T02:00:00.000Z (store_busy)'
    const causes = find({ storeState, ...watched({ upkeepFailedAt: ago(HOUR_MS) }) })
    expect(causes.map(({ cause }) => cause)).toEqual(['store'])
  })

  it('tell nothing of what a handler wrote when it ended', () => {
    const causes = find({
      handlers: { crm: { running: false, restarts: 3, lastProblem: 'jane@example.com' } },
      ...watched({ crashes: crashes([90_000]) }),
    })
    expect(causes).toHaveLength(1)
    expect(JSON.stringify(causes)).not.toContain('jane')
  })
})
