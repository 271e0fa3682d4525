import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Redaction } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import type { BackfilledSpan, KnownEvent } from '../../src/store/store.ts'
import { decide } from '../../src/unpack/decide.ts'
import { readBatch } from '../../src/unpack/read-batch.ts'
import { createRedacting } from '../../src/unpack/redact.ts'
import { openBatch } from './open-batch.ts'

const SAMPLES = new URL('../../fixtures/payloads/mailtrap/', import.meta.url)
const provider = PROVIDERS.mailtrap

/** What a store knows, in memory. */
function createMemory(prunedThrough = 0) {
  const known = new Map<string, KnownEvent>()
  const findKnown = (keys: Uint8Array) => {
    const found = new Map<number, KnownEvent>()
    for (let n = 0; n < keys.length / 16; n++) {
      const event = known.get(Buffer.from(keys.subarray(n * 16, n * 16 + 16)).toString('hex'))
      if (event) found.set(n, event)
    }
    return { known: found, prunedThrough }
  }
  let batch = 0
  return {
    known,
    /** Verdicts of a body's events in order; what is new is remembered. */
    async take(body: string | Uint8Array, redaction?: Redaction, backfilled?: BackfilledSpan) {
      batch++
      const open = openBatch(body, { seq: batch })
      const read = readBatch(open, { provider, routes: () => ['all'] })
      const redacted = createRedacting(redaction, 'mailtrap', provider)?.(open, read)
      const bytes = redacted?.replacement.body ?? open.body
      const pages = [...(redacted?.pages ?? read)]
      const all = pages.flatMap(({ events }) => events.map(({ position }) => position))
      const decided = await decide(
        pages.map(({ events, keys }) => ({
          events,
          keys,
          provider,
          body: bytes,
          isRedacted: redacted !== undefined,
        })),
        findKnown,
        backfilled,
      )
      const kept = decided.flatMap(({ events }) => events)
      for (const { event, start, bytes: length, keys, keyAt } of kept) {
        const key = Buffer.from(keys.subarray(keyAt, keyAt + 16)).toString('hex')
        known.set(key, { event, payload: bytes.subarray(start, start + length) })
      }
      const verdicts = new Map(kept.map(({ position, verdict }) => [position, verdict]))
      return all.map((position) => verdicts.get(position) ?? 'duplicate')
    },
  }
}

const sample = (name: string) => readFileSync(new URL(name, SAMPLES))

describe('deciding whether an event is new', () => {
  it('knows an event that a back-fill has put in, by its message, type and second', async () => {
    const event = { event: 'open', event_id: 'own', message_id: 'm-1', timestamp: 1_730_000_000 }
    const filled = { ...event, event_id: 'backfilled/m-1/open/1730000000', backfilled: true }
    const span = { from: 1_730_000_000_000, to: 1_730_000_001_000 }
    const take = async (given: unknown, filledSpan?: BackfilledSpan) => {
      const memory = createMemory()
      expect(await memory.take(JSON.stringify(filled), undefined, span)).toEqual(['dispatched'])
      return memory.take(JSON.stringify(given), undefined, filledSpan)
    }
    expect(await take(event, span)).toEqual(['duplicate'])
    expect(await take(filled, span)).toEqual(['duplicate'])
    expect(await take({ ...event, event: 'soft_bounce' }, span)).toEqual(['dispatched'])
    expect(await take({ ...event, message_id: 'm-2' }, span)).toEqual(['dispatched'])
    expect(await take({ ...event, timestamp: 1_730_000_001 }, span)).toEqual(['dispatched'])
    // Only where something may have been filled is it looked for.
    expect(await take(event)).toEqual(['dispatched'])
    expect(await take(event, { from: 0, to: span.from })).toEqual(['dispatched'])
  })
  it('asks for no other keys than its own where nothing was filled', async () => {
    let asked = 0
    const findKnown = (keys: Uint8Array) => {
      asked += keys.length / 16
      return { known: new Map(), prunedThrough: 0 }
    }
    const open = openBatch(sample('sending.batch.json'))
    const [page] = [...readBatch(open, { provider, routes: () => ['all'] })]
    const { events, keys } = page!
    await decide([{ events, keys, provider, body: open.body }], findKnown)
    expect(asked).toBe(events.length)
  })
  it('calls the same event a duplicate, in the same batch and in another one', async () => {
    const memory = createMemory()
    const body = sample('dedupe.same-event-twice.json')
    expect(await memory.take(body)).toEqual(['dispatched', 'duplicate'])
    expect(await memory.take(body)).toEqual(['duplicate', 'duplicate'])
  })

  it('tells hundreds of ids apart that begin and end alike', async () => {
    const memory = createMemory()
    const ids = Array.from({ length: 400 }, (_, n) => {
      return `01890a5d-${n.toString(16).padStart(4, '0')}-7000-8000-ac9800000001`
    })
    const events = [...ids, ...ids.toReversed()].map((id) => {
      return { event: 'delivery', event_id: id, email: 'a@example.com' }
    })
    const verdicts = await memory.take(JSON.stringify({ events }))
    expect(verdicts.slice(0, 400).every((verdict) => verdict === 'dispatched')).toBe(true)
    expect(verdicts.slice(400).every((verdict) => verdict === 'duplicate')).toBe(true)
  })

  it('calls another content under the same id a conflict, once', async () => {
    const memory = createMemory()
    const body = sample('dedupe.same-id-different-content.json')
    expect(await memory.take(body)).toEqual(['dispatched', 'conflict'])
    expect(await memory.take(body)).toEqual(['duplicate', 'duplicate'])
  })

  it('disregards key order, spacing and escapes, and no other difference', async () => {
    const memory = createMemory()
    await memory.take('{"event":"open","event_id":"e","n":1,"email":"a@example.com"}')
    const same = '{ "email":"a\\u0040example.com", "n":1.0, "event_id":"e", "event":"open" }'
    expect(await memory.take(same)).toEqual(['duplicate'])
    expect(await memory.take(same.replace('1.0', '9007199254740993'))).toEqual(['conflict'])
    expect(await memory.take(same.replace('1.0', '9007199254740992'))).toEqual(['conflict'])
  })

  it('takes the id for no content where it did not make the key', async () => {
    const memory = createMemory()
    const body = sample('inbound.same-message-other-event-id.json')
    expect(await memory.take(body)).toEqual(['dispatched', 'duplicate'])
  })

  it('keeps identical events without an id apart, each once', async () => {
    const memory = createMemory()
    const body = sample('dedupe.identical-audit-twice.json')
    expect(await memory.take(body)).toEqual(['dispatched', 'dispatched'])
    expect(await memory.take(body)).toEqual(['duplicate', 'duplicate'])
  })

  it('calls a known id a duplicate whose bytes are gone', async () => {
    const memory = createMemory()
    await memory.take('{"event":"open","event_id":"e"}')
    for (const [key, { event }] of memory.known)
      memory.known.set(key, { event, payload: undefined })
    expect(await memory.take('{"event":"click","event_id":"e"}')).toEqual(['duplicate'])
  })

  it('calls new events of a time whose keys were pruned stale, and gives them to no handler', async () => {
    const memory = createMemory(1_768_651_200_000)
    const event = (id: string, timestamp: number) =>
      `{"event":"open","event_id":"${id}","timestamp":${timestamp}}`
    expect(await memory.take(event('old', 1_768_651_199))).toEqual(['stale'])
    expect(await memory.take(event('new', 1_768_651_200))).toEqual(['dispatched'])
  })

  it('compares what is kept where not everything is', async () => {
    const redaction: Redaction = {
      key: 'key',
      common: { drop: ['ip'], hash: ['email'] },
      bySource: {},
    }
    const memory = createMemory()
    const event = { event: 'open', event_id: 'e', email: 'a@example.com', ip: '192.0.2.1' }
    const take = (changes: object) =>
      memory.take(JSON.stringify({ ...event, ...changes }), redaction)
    expect(await take({})).toEqual(['dispatched'])
    expect(await take({ ip: '192.0.2.99' })).toEqual(['duplicate'])
    expect(await take({ email: 'b@example.com' })).toEqual(['conflict'])
  })
})
