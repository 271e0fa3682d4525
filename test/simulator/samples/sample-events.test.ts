import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PROVIDER_NAMES, type ProviderName } from '../../../src/model.ts'
import { PROVIDERS } from '../../../src/providers/providers.ts'
import {
  createRandom,
  listTypes,
  sampleEvents,
  take,
} from '../../../src/simulator/samples/sample-events.ts'

const START = Date.UTC(2026, 0, 1)

function make(provider: ProviderName, seed: number, count: number, types: string[] = []) {
  const random = createRandom(seed)
  const events = sampleEvents({ provider, types, random, startsAt: START, everyMs: 10 })
  return [...take(events, count)].map(({ event }) => event)
}

describe.each(PROVIDER_NAMES)('sampleEvents of %s', (provider) => {
  it('makes the same events from the same seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        expect(make(provider, seed, 20)).toEqual(make(provider, seed, 20))
      }),
    )
  })

  it('makes events that its provider understands, each with an identity of its own', () => {
    const facts = make(provider, 1, 5_000).map((event) => PROVIDERS[provider].describe(event))
    expect(facts).not.toContain(undefined)
    expect(new Set(facts.map((fact) => fact?.identity)).size).toBe(5_000)
    for (const fact of facts) {
      expect(fact?.occurredAt).toBeGreaterThanOrEqual(START)
      expect(fact?.isTest).toBe(false)
    }
  })

  it('mixes kinds as a healthy sender has them', () => {
    const counts = new Map<string, number>()
    for (const event of make(provider, 2, 10_000)) {
      const type = PROVIDERS[provider].describe(event)?.type ?? ''
      counts.set(type, (counts.get(type) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual(
      listTypes(provider)
        .filter((type) => !/^(inbound|activity_log)/.test(type))
        .sort(),
    )
    const delivered = counts.get(provider === 'mailtrap' ? 'delivery' : 'delivered') ?? 0
    expect(delivered).toBeGreaterThan(5_500)
    expect(delivered).toBeLessThan(7_000)
  })

  it.each(listTypes(provider))('makes %s alone when asked to', (type) => {
    for (const event of make(provider, 3, 20, [type])) {
      expect(PROVIDERS[provider].describe(event)?.type).toBe(type)
    }
  })
})

describe('sampleEvents', () => {
  it('lets openings follow deliveries of the same message', () => {
    const events = make('mailtrap', 4, 2_000)
    const delivered = new Set(
      events.filter(({ event }) => event === 'delivery').map((event) => event['message_id']),
    )
    const opened = events.filter(({ event }) => event === 'open').slice(10)
    const known = opened.filter((event) => delivered.has(event['message_id']))
    expect(known.length).toBe(opened.length)
  })
})
