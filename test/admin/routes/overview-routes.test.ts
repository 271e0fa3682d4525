import { describe, expect, it } from 'vitest'
import { buildAdmin } from '../build-admin.ts'

describe('GET /api/series', () => {
  it('answers counts by type in whole buckets, the largest type first', async () => {
    const { app, archive } = buildAdmin()
    archive.series.push(
      { bucket: 0, type: 'bounce', n: 1 },
      { bucket: 59, type: 'open', n: 7 },
      { bucket: 60, type: 'open', n: 9 },
    )

    const series = (await app.inject('/api/series?span=1h')).json()

    expect(series).toMatchObject({
      span: '1h',
      from: '2026-11-21T09:01:00.000Z',
      to: '2026-11-21T10:01:00.000Z',
      bucket_seconds: 60,
      types: [
        { type: 'open', total: 7 },
        { type: 'bounce', total: 1 },
      ],
    })
    expect(series.types[0].counts).toHaveLength(60)
    expect(archive.calls).toEqual([
      {
        name: 'countEvents',
        given: {
          from: Date.UTC(2026, 10, 21, 9, 1),
          to: Date.UTC(2026, 10, 21, 10, 1),
          bucketMs: 60_000,
        },
      },
    ])
  })

  it.each(['1h', '6h', '24h', '7d', '30d'])(
    'asks for at most a hundred buckets of %s',
    async (span) => {
      const { app, archive } = buildAdmin()
      await app.inject(`/api/series?span=${span}`)
      const { from, to, bucketMs } = archive.calls[0]!.given as Record<string, number>
      expect((to! - from!) / bucketMs!).toBeLessThanOrEqual(100)
      expect([from! % bucketMs!, to! % bucketMs!]).toEqual([0, 0])
    },
  )

  const HOUR_MS = 3_600_000
  it.each([
    ['24h', 'nothing yet', []],
    ['1h', 'half an hour', [0.1, 0.5]],
    ['6h', 'two hours', [0.1, 2]],
    ['24h', 'the whole day', [0.1, 20]],
    ['7d', 'nothing since three days', [72, 80]],
    ['30d', 'nothing since a fortnight', [14 * 24]],
  ])('shows %s to somebody who asks for none, when there is %s', async (span, _name, hours) => {
    const { app, archive, clock } = buildAdmin()
    archive.countEvents = async ({ from, to, bucketMs }) =>
      hours
        .map((ago) => clock.now - ago * HOUR_MS)
        .filter((at) => at >= from && at < to)
        .map((at) => ({ bucket: Math.floor((at - from) / bucketMs), type: 'open', n: 1 }))

    const series = (await app.inject('/api/series')).json()

    expect(series.span).toBe(span)
    expect(series.types.length).toBe(hours.length === 0 ? 0 : 1)
  })

  it('refuses another span, and names those there are', async () => {
    const { app } = buildAdmin()
    const answer = await app.inject('/api/series?span=2h')
    expect(answer.statusCode).toBe(400)
    expect(answer.json().message).toContain('1h, 6h, 24h, 7d, 30d')
  })
})

it('GET /api/ack answers how long acknowledgements took, by minute', async () => {
  const { app, clock, recent } = buildAdmin()
  for (let n = 0; n < 99; n++) recent.noteAck(2)
  clock.now += 120_000
  recent.noteAck(500)

  const ack = (await app.inject('/api/ack')).json()

  expect(ack).toMatchObject({ count: 100, over_minutes: 60 })
  // Two digits count, and the bound above is told.
  expect(ack.max_ms).toBeGreaterThanOrEqual(500)
  expect(ack.max_ms).toBeLessThan(505)
  expect(ack.p50_ms).toBeGreaterThanOrEqual(2)
  expect(ack.p50_ms).toBeLessThan(2.4)
  expect(ack.minutes).toHaveLength(60)
  expect(ack.minutes[59]).toMatchObject({ count: 1, p99_ms: ack.max_ms })
  expect(ack.minutes[58]).toEqual({
    count: 0,
    p50_ms: null,
    p95_ms: null,
    p99_ms: null,
    max_ms: null,
  })
  clock.now += 3_600_000
  expect((await app.inject('/api/ack')).json()).toMatchObject({ count: 0, p50_ms: null })
})

it('GET /api/sources answers configured ones and those that sent, with their newest batch', async () => {
  const { app, archive, counts } = buildAdmin()
  archive.lastBatch['audit'] = Date.UTC(2026, 10, 20)
  counts.received = { mailtrap: 3, constructor: 1 }

  expect((await app.inject('/api/sources')).json().sources).toEqual([
    {
      ...{ name: 'audit', provider: null, address: null, received: 0 },
      last_batch_at: '2026-11-20T00:00:00.000Z',
    },
    { name: 'constructor', provider: null, address: null, received: 1, last_batch_at: null },
    {
      ...{ name: 'mailtrap', provider: 'mailtrap', received: 3, last_batch_at: null },
      address: 'http://localhost:3000/webhooks/mailtrap',
    },
  ])
})
