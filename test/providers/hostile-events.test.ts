import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PROVIDER_NAMES } from '../../src/model.ts'
import { MAILINGAPI_EVENT_NAMES } from '../../src/providers/mailingapi/events.ts'
import { MAILTRAP_EVENT_NAMES } from '../../src/providers/mailtrap/events.ts'
import { PROVIDERS } from '../../src/providers/providers.ts'
import { parsePayload } from '../../src/providers/read-value.ts'

const NAMES = [...MAILTRAP_EVENT_NAMES, ...MAILINGAPI_EVENT_NAMES, 'activity_log.a\nb']
const FIELDS = [
  ...['event', 'type', 'event_id', 'id', 'timestamp', 'email', 'message_id', 'inbox_id', 'data'],
  ...['actor', 'resource', 'changes', 'custom_variables', 'response_code', '__proto__', 'toString'],
]

const values = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: 'binary' }), fc.double())
const fields = fc.dictionary(fc.oneof(fc.constantFrom(...FIELDS), fc.string()), values)
const events = fc
  .record({ fields, name: fc.option(fc.constantFrom(...NAMES)) })
  .map(({ fields, name }) => {
    const named = name === null ? fields : { ...fields, event: name, type: name }
    return parsePayload(JSON.stringify(named))
  })

describe.each(PROVIDER_NAMES)('%s, given any JSON object', (provider) => {
  const { describe: describeEvent, normalise, tidy } = PROVIDERS[provider]

  it('describes, normalises and tidies without throwing or changing it', () => {
    fc.assert(
      fc.property(events, (event) => {
        const before = structuredClone(event)
        const facts = describeEvent(event)
        if (facts !== undefined) {
          const normalised = normalise(event, facts)
          expect(normalised?.name).toBe(facts.name)
          expect(() => JSON.stringify(tidy(event, facts))).not.toThrow()
        }
        expect(event).toEqual(before)
      }),
      { numRuns: 300 },
    )
  })

  it('gives short clean texts and whole numbers only, of what is stored', () => {
    fc.assert(
      fc.property(events, (event) => {
        // The identity is what came, whatever it holds: it is hashed, and never stored.
        const { identity: _, ...stored } = describeEvent(event) ?? {}
        for (const fact of Object.values(stored)) {
          if (typeof fact === 'number') expect(Number.isSafeInteger(fact)).toBe(true)
          if (typeof fact !== 'string') continue
          expect(fact.length).toBeGreaterThan(0)
          expect(fact.length).toBeLessThanOrEqual(2_049)
          expect(Buffer.from(fact).toString()).toBe(fact)
          expect(fact).not.toContain('\0')
        }
      }),
      { numRuns: 300 },
    )
  })

  it('tells ids apart that are the same once they are clean enough to store', () => {
    const ids = ['\0', '\ud800', '\ufffd']
    const facts = ids.map((id) => {
      const event = { event: 'delivery', type: 'delivery', timestamp: 1_700_000_000 }
      return describeEvent({ ...event, event_id: id, id })
    })
    expect(new Set(facts.map((fact) => fact?.eventId))).toEqual(new Set(['\ufffd']))
    expect(new Set(facts.map((fact) => fact?.identity)).size).toBe(ids.length)
  })

  it('survives an event nested 5,000 deep', () => {
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
    for (const name of NAMES.map((text) => JSON.stringify(text))) {
      const text = `{"event":${name},"type":${name},"data":${deep},"changes":${deep}}`
      const event = parsePayload(text)
      const facts = describeEvent(event)
      expect(facts).toBeDefined()
      if (facts !== undefined) expect(tidy(event, facts).data).toBeDefined()
    }
  })
})
