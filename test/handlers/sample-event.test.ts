import { describe, expect, it } from 'vitest'
import { KNOWN_KEYS } from '../../src/handlers/event-keys.ts'
import { guessProvider } from '../../src/handlers/signed-request.ts'
import { type SampleType, sampleEvent } from '../../src/handlers/testing.ts'
import { NORMALISED_NAMES } from '../../src/model.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'

const OURS: readonly string[] = [...NORMALISED_NAMES, '*']
const TYPES = [
  ...KNOWN_KEYS.filter((key) => !OURS.includes(key)),
  'activity_log.user.updated',
] as SampleType[]

describe.each(TYPES)('sampleEvent(%j)', (type) => {
  it('is what its provider calls by that name', () => {
    const event: Record<string, unknown> = { ...sampleEvent(type) }
    const provider = PROVIDERS[guessProvider(JSON.stringify(event))]
    const facts = provider.describe(event)
    expect(facts).toMatchObject({ type, isTest: false })
    expect(Math.abs((facts?.occurredAt ?? 0) - Date.now())).toBeLessThan(60_000)
    expect(provider.tidy(event, facts ?? expect.fail())).toEqual(event)
  })

  it('differs each time, so that no sample is a duplicate of another', () => {
    const samples = Array.from({ length: 20 }, () => JSON.stringify(sampleEvent(type)))
    expect(new Set(samples).size).toBe(20)
  })

  it('takes overrides', () => {
    expect(JSON.stringify(sampleEvent(type))).toContain('"timestamp"')
    expect(JSON.stringify(sampleEvent(type, { timestamp: undefined }))).not.toContain('"timestamp"')
  })
})

describe('sampleEvent', () => {
  it('merges the fields of `data`', () => {
    const event = sampleEvent('bounced', { data: { bounce_type: 'temporary' } })
    expect(event.data).toMatchObject({ bounce_type: 'temporary', code: 550 })
  })

  it.each([
    ['bonce', 'Did you mean `bounce`?'],
    ['activity_log.*', 'no single event'],
    ['email.bounced', 'no single event'],
    ['*', 'no single event'],
  ])('refuses %s', (type, sentence) => {
    expect(() => sampleEvent(type as SampleType)).toThrow(sentence)
  })
})
