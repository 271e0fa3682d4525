import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { NORMALISED_NAMES } from '../../../src/model.ts'
import { MAILINGAPI_EVENT_NAMES } from '../../../src/providers/mailingapi/events.ts'
import { MAILTRAP_EVENT_NAMES } from '../../../src/providers/mailtrap/events.ts'
import { eventIdOf } from '../../../src/store/event-id.ts'
import { createStepRunner, type Database } from '../../../src/store/sqlite/driver.ts'
import { createLookups, findLookups } from '../../../src/store/sqlite/lookups.ts'
import { openScratchStore } from '../archive/scratch-store.ts'

const ALL = { from: 0, before: Number.MAX_SAFE_INTEGER }

let db: Database
beforeEach(async () => {
  const store = await openScratchStore()
  db = store.db
})

function open() {
  const take = createStepRunner(db)
  const find = (...wanted: Parameters<typeof findLookups>) => take(findLookups(...wanted))
  return { lookups: createLookups(db), find }
}

const ofRecipient = (recipient: string) => ({ recipient, messageId: undefined })
const ofMessage = (messageId: string) => ({ recipient: undefined, messageId })
const countRows = () => (db.prepare('SELECT count(*) AS n FROM lookups').get() as { n: number }).n

describe('look-ups', () => {
  it('find every event that is left, in whatever order they came and went', () => {
    const page = fc.record({
      batch: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 8 })),
      first: fc.integer({ min: 0, max: 700 }),
      events: fc.integer({ min: 1, max: 400 }),
      kind: fc.integer({ min: 0, max: 9 }),
      isRemoved: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(page, { maxLength: 12 }), (pages) => {
        db.exec('DELETE FROM lookups')
        const { lookups, find } = open()
        const left = new Map<number, number>()
        for (const { batch, first, events, kind, isRemoved } of pages) {
          const span = Array.from({ length: events }, (_, n) => eventIdOf(batch, first + n))
          if (isRemoved) {
            lookups.remove(span)
            for (const id of span) left.delete(id)
            continue
          }
          const ids = span.filter((id) => !left.has(id))
          for (const id of ids) left.set(id, kind)
          const event = { recipient: `r${kind}`, messageId: `m${kind}` }
          lookups.add(ids, Array(ids.length).fill(event))
        }
        for (let kind = 0; kind < 10; kind++) {
          const wanted = [...left].flatMap(([id, its]) => (its === kind ? [id] : [])).sort()
          expect(find(ofRecipient(`r${kind}`), ALL).sort()).toEqual(wanted)
          expect(find(ofMessage(`m${kind}`), ALL).sort()).toEqual(wanted)
        }
        lookups.remove([...left.keys()])
        expect(countRows()).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('find all of a window, and read few rows for many small batches', () => {
    const { lookups, find } = open()
    for (let batch = 1; batch <= 2_000; batch++) {
      lookups.add([eventIdOf(batch, 0)], [{ recipient: `r${batch % 7}`, messageId: undefined }])
    }
    expect(countRows()).toBe(4)
    const window = { from: eventIdOf(700, 0), before: eventIdOf(1_401, 0) }
    const found = find(ofRecipient('r3'), window).filter(
      (id) => id >= window.from && id < window.before,
    )
    expect(found).toHaveLength(100)
  })

  it('have no entry for what has neither recipient nor message, and no trace of what is gone', () => {
    const { lookups } = open()
    const neither = { recipient: undefined, messageId: undefined }
    lookups.add([eventIdOf(1, 0)], [neither])
    expect(countRows()).toBe(0)
    const events = ['ann', 'bob'].map((recipient) => ({ recipient, messageId: undefined }))
    lookups.add([eventIdOf(1, 1), eventIdOf(1, 2)], events)
    const bytes = () =>
      (db.prepare('SELECT recipients FROM lookups').get() as { recipients: Uint8Array }).recipients
    const ann = [...bytes().subarray(0, 3)]
    expect(ann).not.toEqual([0, 0, 0])
    lookups.remove([eventIdOf(1, 1)])
    expect([...bytes().subarray(0, 3)]).toEqual([0, 0, 0])
    expect(bytes().some((byte) => byte !== 0)).toBe(true)
  })

  it('leave nothing of a transaction that is not kept', () => {
    const { lookups, find } = open()
    const event = { recipient: 'ann', messageId: 'm' }
    lookups.add([eventIdOf(1, 0)], [event])
    db.exec('BEGIN')
    lookups.add([eventIdOf(1, 1), eventIdOf(9_000, 0)], [event, event])
    db.exec('ROLLBACK')
    lookups.add([eventIdOf(1, 2)], [event])
    expect(find(ofMessage('m'), ALL)).toEqual([eventIdOf(1, 0), eventIdOf(1, 2)])
    expect(countRows()).toBe(1)
  })

  it('take half of a character for what SQLite makes of it', () => {
    const { lookups, find } = open()
    lookups.add([eventIdOf(1, 0)], [{ recipient: 'a\ud800b', messageId: undefined }])
    expect(find(ofRecipient('a\ufffdb'), ALL)).toEqual([eventIdOf(1, 0)])
  })
})

it('has a number for every word that a documented event has', () => {
  const words = db.prepare('SELECT word FROM words').all() as { word: string }[]
  const known = words.map(({ word }) => word)
  expect(new Set(known).size).toBe(known.length)
  const documented = [...MAILTRAP_EVENT_NAMES, ...MAILINGAPI_EVENT_NAMES, ...NORMALISED_NAMES]
  expect(new Set(known)).toEqual(new Set(documented))
})
