import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/simulator/sending/virtual-clock.ts'
import {
  type QueuedBatch,
  sendingPolicy,
  WebhookQueue,
} from '../../../src/simulator/sending/webhook-queue.ts'

const MINUTE_MS = 60_000
const policy = sendingPolicy('mailtrap', 'steady')
const close = (events: readonly string[]) => ({ events, format: 'json' as const })

function makeQueue(profile: 'steady' | 'backoff' = 'steady') {
  return new WebhookQueue({ policy: sendingPolicy('mailtrap', profile), close })
}

interface Sent {
  readonly at: number
  readonly batch: QueuedBatch
}

/** Runs a clock from one due time to the next, until nothing is left or the queue gives up. */
function drain(queue: WebhookQueue, from: number, isOk: (at: number) => boolean) {
  const sent: Sent[] = []
  for (let now = from; queue.nextDueAt() < Number.POSITIVE_INFINITY; ) {
    now = Math.max(now, queue.nextDueAt())
    for (const batch of queue.take(now, 8)) {
      sent.push({ at: now, batch })
      const end = queue.settle(batch.id, isOk(now) ? 'ok' : 'failed', now)
      if (end === 'given_up') return { sent, isGivenUp: true, now }
    }
  }
  return { sent, isGivenUp: false, now: from }
}

describe('a webhook’s queue', () => {
  it('gathers events for 30 s from the first of a batch', () => {
    const queue = makeQueue()
    queue.add('a', 1_000)
    queue.add('b', 30_999)
    expect(queue.nextDueAt()).toBe(31_000)
    expect(queue.take(30_999, 8)).toEqual([])
    expect(queue.take(31_000, 8)).toMatchObject([{ events: ['a', 'b'], attempts: 0 }])
    expect(queue.nextDueAt()).toBe(Number.POSITIVE_INFINITY)
  })

  it('sends 500 events at once, without waiting', () => {
    const queue = makeQueue()
    for (let n = 0; n < 501; n++) queue.add(String(n), 0)
    expect(queue.take(0, 8).map(({ events }) => events.length)).toEqual([500])
    expect(queue.nextDueAt()).toBe(30_000)
  })

  it('tries a batch again 40 times, every 5 minutes, and then gives up', () => {
    const queue = makeQueue()
    queue.add('a', 0)
    const { sent, isGivenUp } = drain(queue, 0, () => false)
    expect(isGivenUp).toBe(true)
    expect(sent).toHaveLength(41)
    const waits = sent.slice(1).map(({ at }, n) => at - sent[n]!.at)
    expect(waits).toEqual(Array(40).fill(5 * MINUTE_MS))
    expect(queue.events).toBe(1)
  })

  it('knows the other story: 10 attempts in 24 hours, ever further apart', () => {
    const queue = makeQueue('backoff')
    queue.add('a', 0)
    const { sent, isGivenUp } = drain(queue, 0, () => false)
    expect(isGivenUp).toBe(true)
    expect(sent).toHaveLength(10)
    expect(sent.at(-1)!.at - sent[0]!.at).toBeLessThan(24 * 60 * MINUTE_MS)
  })

  it('gives every batch all its attempts again after a pause', () => {
    const queue = makeQueue()
    queue.add('a', 0)
    const { now } = drain(queue, 0, () => false)
    queue.startAnew(now)
    const again = drain(queue, now, () => false)
    expect(again.sent).toHaveLength(41)
    queue.startAnew(again.now)
    expect(drain(queue, again.now, () => true).sent).toHaveLength(1)
    expect(queue.events).toBe(0)
  })

  it('does not take what is under way a second time', () => {
    const queue = makeQueue()
    queue.add('a', 0)
    expect(queue.take(30_000, 8)).toHaveLength(1)
    expect(queue.take(10 * MINUTE_MS, 8)).toEqual([])
  })

  it('sends a batch once more when asked to, and counts its events once', () => {
    const queue = makeQueue()
    queue.add('a', 0)
    const [batch] = queue.take(30_000, 8)
    expect(queue.settle(batch!.id, 'again', 30_000)).toBe('sent')
    expect(queue.events).toBe(0)
    const [repeated] = queue.take(queue.nextDueAt(), 8)
    expect(repeated).toMatchObject({ events: ['a'], isRepeat: true })
    expect(queue.settle(repeated!.id, 'ok', 0)).toBe('sent')
    expect(queue.batches).toBe(0)
  })
})

const arrivals = fc.array(fc.nat(10 * MINUTE_MS), { minLength: 1, maxLength: 1_200 })
const outage = fc.record({
  from: fc.nat(20 * MINUTE_MS),
  // 40 retries of a batch last 200 minutes.
  forMs: fc.nat(199 * MINUTE_MS),
})

/** Adds events at their times, and does what is due in between; answers what got through. */
function play(times: readonly number[], isOk: (at: number) => boolean) {
  const sorted = times.toSorted((a, b) => a - b)
  let queue = makeQueue()
  const sent: Sent[] = []
  const got: string[] = []
  const work = (until: number) => {
    while (queue.nextDueAt() <= until) {
      const now = queue.nextDueAt()
      // It can be kept and gone on from at any moment.
      queue = new WebhookQueue({ policy, close, state: JSON.parse(JSON.stringify(queue.state)) })
      for (const batch of queue.take(now, 8)) {
        sent.push({ at: now, batch })
        const end = queue.settle(batch.id, isOk(now) ? 'ok' : 'failed', now)
        if (end === 'given_up') return
        if (end === 'sent') got.push(...batch.events)
      }
    }
  }
  sorted.forEach((at, n) => {
    work(at)
    queue.add(String(n), at)
  })
  work(24 * 60 * MINUTE_MS)
  return { sent, got, queue }
}

describe('whatever comes, a webhook’s queue', () => {
  it('loses nothing in an outage shorter than its retries, and sends nothing twice', () => {
    fc.assert(
      fc.property(arrivals, outage, (times, { from, forMs }) => {
        const { got, queue } = play(times, (at) => at < from || at >= from + forMs)
        expect(queue.events).toBe(0)
        expect(got).toHaveLength(times.length)
        expect(new Set(got).size).toBe(times.length)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps to 500 events, 30 s and 5 minutes', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 9 }), (times, everyNth) => {
        const sorted = times.toSorted((a, b) => a - b)
        let count = 0
        const { sent } = play(times, () => ++count % everyNth === 0)
        const lastAttempt = new Map<number, number>()
        for (const { at, batch } of sent) {
          expect(batch.events.length).toBeLessThanOrEqual(500)
          const before = lastAttempt.get(batch.id)
          const firstEventAt = sorted[Number(batch.events[0])]!
          if (before === undefined) expect(at - firstEventAt).toBeLessThanOrEqual(30_000)
          else expect(at - before).toBe(5 * MINUTE_MS)
          lastAttempt.set(batch.id, at)
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('the virtual clock', () => {
  it('runs at its speed, stands still, and is only ever set ahead', () => {
    let elapsed = 0
    const clock = createVirtualClock({ startsAt: 1_000, speed: 60, elapsedMs: () => elapsed })
    elapsed = 1_000
    expect(clock.now()).toBe(61_000)
    expect(clock.waitMs(121_000)).toBe(1_000)
    clock.setSpeed(0)
    elapsed = 50_000
    expect(clock.now()).toBe(61_000)
    expect(clock.waitMs(61_001)).toBe(Number.POSITIVE_INFINITY)
    expect(clock.waitMs(61_000)).toBe(0)
    clock.set(60_000)
    expect(clock.now()).toBe(61_000)
    clock.set(70_000)
    expect(clock.now()).toBe(70_000)
  })
})
